/* Singular value decomposition filter in plain C. */
#include "svdf.h"

#include <string.h>

#include "fixed_point.h"

/* Put a value behind the others of a filter, and return the sum of all by their weights; it may go
 * around. */
static uint32_t remember(const struct svdf *op, uint8_t *state, const int16_t *times,
                         int32_t value) {
    const uint32_t width = op->wide ? 2 : 1;
    uint32_t sum = 0;
    for (int32_t i = 0; i < op->memory; i++) {
        uint8_t *at = state + width * (uint32_t)i;
        if (i < op->memory - 1) {
            memcpy(at, at + width, width);
        } else if (op->wide) {
            const int16_t last = (int16_t)value;
            memcpy(at, &last, width);
        } else {
            *(int8_t *)at = (int8_t)value;
        }
        int16_t kept = *(int8_t *)at;
        if (op->wide) {
            memcpy(&kept, at, width);
        }
        sum += (uint32_t)(times[i] * (kept - op->state_zero_point));
    }
    return sum;
}

void svdf(const struct svdf *op, const int8_t *in, void *state, int8_t *out) {
    const int32_t most = op->wide ? INT16_MAX : INT8_MAX;
    const int32_t width = op->wide ? 2 : 1;
    uint8_t *kept = state;
    for (int32_t unit = 0; unit < op->filters / op->rank; unit++) {
        uint32_t sum = (uint32_t)op->biases[unit];
        for (int32_t i = 0; i < op->rank; i++, kept += width * op->memory) {
            const int32_t filter = unit * op->rank + i;
            const int8_t *weight = op->features + filter * op->in_c;
            int32_t value = 0;
            for (int32_t c = 0; c < op->in_c; c++) {
                value += weight[c] * (in[c] - op->in_zero_point);
            }
            value = requantise(value, op->feature_multiplier, op->feature_shift);
            value = clamp(value, -most - 1, most) + op->state_zero_point;
            sum += remember(op, kept, op->times + filter * op->memory, value);
        }
        const int32_t result =
            requantise((int32_t)sum, op->multiplier, op->shift) + op->out_zero_point;
        *out++ = (int8_t)clamp(result, INT8_MIN, INT8_MAX);
    }
}
