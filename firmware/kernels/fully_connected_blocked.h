/* Sums of a fully connected layer in portable C, up to six channels at a time. */
#ifndef TINYBENCH_FULLY_CONNECTED_BLOCKED_H
#define TINYBENCH_FULLY_CONNECTED_BLOCKED_H

#include "blocked.h"

#define CHANNELS 6

/* How many channels are computed together from channel `c` on. */
static inline int32_t channels_from(const struct fully_connected_blocked *op, int32_t c) {
    return op->out_c - c < CHANNELS ? op->out_c - c : CHANNELS;
}

/* Compute `count` channels from channel `c` on, and return where the weights of the next are. */
const int8_t *sums_blocked(const struct fully_connected_blocked *op, const int8_t *in,
                           const int8_t *weights, int32_t c, int32_t count, int32_t sum[CHANNELS]);

#endif
