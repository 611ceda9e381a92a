/* Fully connected layer in portable C, for all scales, and biases that may go around. */
#include "fixed_point.h"
#include "fully_connected_blocked.h"

void fully_connected_any_blocked(const struct fully_connected_blocked *op, const int8_t *in,
                                 int8_t *out) {
    const int8_t *weights = op->weights;
    const struct channel *stage = op->wide;
    for (int32_t c = 0; c < op->out_c; c += CHANNELS) {
        const int32_t count = channels_from(op, c);
        int32_t sum[CHANNELS];
        weights = sums_blocked(op, in, weights, c, count, sum);
        for (int32_t i = 0; i < count; i++, stage++) {
            const int32_t biased = (int32_t)((uint32_t)sum[i] + (uint32_t)stage->bias);
            const int32_t value = requantise(biased, stage->multiplier, stage->shift);
            *out++ = (int8_t)clamp(value + op->out_offset, op->out_min, op->out_max);
        }
    }
}
