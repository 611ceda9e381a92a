/* What the blocked kernels share: the output stage in portable C. */
#ifndef TINYBENCH_BLOCKED_H
#define TINYBENCH_BLOCKED_H

#include "kernels.h"

/* The int8 of an accumulator, with halves rounded away from zero. */
static inline int8_t output_blocked(int32_t acc, const struct channel_dsp *c, int32_t min,
                                    int32_t max) {
    const int64_t product = (int64_t)(c->bias_x2 + 2 * acc) * c->multiplier;
    int32_t x = (int32_t)((product + ((int64_t)1 << 31)) >> 32);
    x = (x + (x >> 31) + c->rounding) >> c->right_shift;
    return (int8_t)(x < min ? min : x > max ? max : x);
}

#endif
