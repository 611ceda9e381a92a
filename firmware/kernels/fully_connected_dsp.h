/* Sums of a fully connected layer with DSP instructions, up to eight channels at a time. */
#ifndef TINYBENCH_FULLY_CONNECTED_DSP_H
#define TINYBENCH_FULLY_CONNECTED_DSP_H

#include "dsp.h"

#include <string.h>

#define CHANNELS 8

/* sum[channel] = inputs times the weights of eight channels, over `groups` (at least 1) of four
 * inputs; of each two channels the first has 256 times its own sum and the second's. */
void dot_8(const int8_t *inputs, const int8_t *weights, int32_t groups, int32_t sum[CHANNELS]);

/* The sums of `count` channels by rows, each of `groups` of four inputs and, if `left` is not 0, of
 * the four in `last`. */
void dot_rows(const int8_t *in, const int8_t *last, const int8_t *weights, int32_t groups,
              int32_t left, int32_t count, int32_t *sum);

/* Copy the inputs that do not fill a group, filled up with zeros. */
static inline void inputs_left(const struct fully_connected_dsp *layer, const int8_t *in,
                               int8_t last[4]) {
    const int32_t left = layer->in_c % 4;
    memset(last, 0, 4);
    for (int32_t i = 0; i < left; i++) {
        last[i] = in[layer->in_c - left + i];
    }
}

/* Compute `count` channels from channel `c` on, and return where the weights of the next are. */
static inline __attribute__((always_inline)) const int8_t *
sums_of_channels(const struct fully_connected_dsp *layer, const int8_t *in, const int8_t last[4],
                 const int8_t *weights, int32_t c, int32_t count, int32_t sum[CHANNELS]) {
    const int32_t groups = layer->in_c / 4, left = layer->in_c % 4;
    if (c >= layer->in_eights) {
        dot_rows(in, last, weights, groups, left, count, sum);
        return weights + 4 * (groups + (left > 0)) * count;
    }
    if (groups > 0) {
        dot_8(in, weights, groups, sum);
        weights += 4 * CHANNELS * groups;
    }
    if (left > 0) {
        int32_t rest[CHANNELS];
        dot_8(last, weights, 1, rest);
        weights += 4 * CHANNELS;
#pragma GCC unroll 1
        for (int32_t i = 0; i < CHANNELS; i++) {
            sum[i] = groups > 0 ? sum[i] + rest[i] : rest[i];
        }
    }
    for (int32_t i = 0; i < CHANNELS; i += 2) {
        sum[i] = first_of_two(sum[i], sum[i + 1]);
    }
    return weights;
}

#endif
