/* Fully connected layer with DSP instructions: four channels at a time. */
#include "dsp.h"

#include <stdbool.h>
#include <string.h>

#define CHANNELS 4

/* Add one group, four inputs times the weights of four channels, to their sums. */
static inline __attribute__((always_inline)) void add_group(int32_t inputs, const packed *weights,
                                                            int32_t sum[CHANNELS]) {
    const int32_t even = even_bytes(inputs);
    const int32_t odd = odd_bytes(inputs);
#pragma GCC unroll 4
    for (int32_t i = 0; i < CHANNELS; i++) {
        sum[i] = __smlad(even, even_bytes(weights[i]), sum[i]);
        sum[i] = __smlad(odd, odd_bytes(weights[i]), sum[i]);
    }
}

void fully_connected_dsp(const struct fully_connected_dsp *op, const int8_t *in, int8_t *out) {
    const bool exact = op->exact_negatives || op->out_min > INT8_MIN || op->out_max < INT8_MAX;
    const packed *weights = (const packed *)op->weights;
    int32_t last = 0; /* the inputs that do not fill a group */
    memcpy(&last, in + (op->in_c & ~3), (size_t)(op->in_c & 3));
    for (int32_t c = 0; c < op->out_c; c += CHANNELS) {
        int32_t sum[CHANNELS] = {0};
        const packed_anywhere *group = (const packed_anywhere *)in;
        const packed_anywhere *end = group + op->in_c / 4;
#pragma GCC unroll 4
        for (; group != end; group++, weights += CHANNELS) {
            add_group(*group, weights, sum);
        }
        if (op->in_c % 4) {
            add_group(last, weights, sum);
            weights += CHANNELS;
        }
        for (int32_t i = 0; i < CHANNELS && c + i < op->out_c; i++) {
            const struct channel_dsp *channel = &op->channels[c + i];
            out[c + i] = exact ? output_exact(sum[i], channel, op->out_min, op->out_max)
                               : output_clamped(sum[i], channel);
        }
    }
}
