/* Fully connected layer with DSP instructions, for all scales, and biases that may go around. */
#include "fixed_point.h"
#include "fully_connected_dsp.h"

void fully_connected_any_dsp(const struct fully_connected_dsp *op, const int8_t *in, int8_t *out) {
    const int8_t *weights = op->weights;
    int8_t last[4];
    inputs_left(op, in, last);
    for (int32_t c = 0; c < op->out_c; c += CHANNELS) {
        const int32_t count = op->out_c - c < CHANNELS ? op->out_c - c : CHANNELS;
        int32_t sum[CHANNELS];
        weights = sums_of_channels(op, in, last, weights, c, count, sum);
        for (int32_t i = 0; i < count; i++) {
            const struct channel *stage = &op->wide[c + i];
            const int32_t biased = (int32_t)((uint32_t)sum[i] + (uint32_t)stage->bias);
            const int32_t value = requantise(biased, stage->multiplier, stage->shift);
            out[c + i] = (int8_t)clamp(value + op->out_offset, op->out_min, op->out_max);
        }
    }
}
