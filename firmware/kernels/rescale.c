/* Integers in another scale. */
#include "fixed_point.h"
#include "int16.h"

void rescale(const struct rescale *op, const void *in, void *out) {
    typedef int32_t __attribute__((may_alias)) word;
    for (int32_t i = 0; i < op->count; i++) {
        const int32_t from = op->in_b == 1   ? ((const int8_t *)in)[i]
                             : op->in_b == 2 ? ((const short_int *)in)[i]
                                             : ((const word *)in)[i];
        const int32_t scaled = requantise(
            clamp(from - op->in_zero_point, -op->in_most, op->in_most), op->multiplier, op->shift);
        const int32_t value = clamp(scaled + op->out_zero_point, op->out_min, op->out_max);
        if (op->out_b == 1) {
            ((int8_t *)out)[i] = (int8_t)value;
        } else if (op->out_b == 2) {
            ((short_int *)out)[i] = (int16_t)value;
        } else {
            ((word *)out)[i] = value;
        }
    }
}
