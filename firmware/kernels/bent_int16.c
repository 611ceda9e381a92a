/* A line with a bend at zero, of int16. */
#include "fixed_point.h"
#include "int16.h"

void bent_int16(const struct bent_int16 *op, const void *in, void *out) {
    const short_int *values = in;
    short_int *result = out;
    for (int32_t i = 0; i < op->count; i++) {
        const int32_t value = values[i];
        const int32_t scaled =
            value >= 0 ? requantise(value, op->multiplier, op->shift)
                       : op->below_sign * requantise(value, op->below_multiplier, op->below_shift);
        result[i] = (int16_t)clamp(scaled, INT16_MIN, op->out_max);
    }
}
