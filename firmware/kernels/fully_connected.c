/* Fully connected layer in plain C. */
#include "fixed_point.h"
#include "kernels.h"

void fully_connected(const struct fully_connected *op, const int8_t *in, int8_t *out) {
    const int8_t *weight = op->weights;
    for (int32_t c = 0; c < op->out_c; c++) {
        const struct channel *channel = &op->channels[c];
        int32_t sum = channel->bias;
        for (int32_t i = 0; i < op->in_c; i++) {
            sum += (in[i] + op->in_offset) * *weight++;
        }
        const int32_t value = requantise(sum, channel->multiplier, channel->shift);
        out[c] = (int8_t)clamp(value + op->out_offset, op->out_min, op->out_max);
    }
}
