/* Sigmoid and hyperbolic tangent of int16. */
#include "int16.h"

void curve_int16(const struct curve_int16 *op, const void *in, void *out) {
    const short_int *values = in;
    short_int *result = out;
    const int32_t half = (int32_t)((1u << op->right_shift) >> 1);
    for (int32_t i = 0; i < op->count; i++) {
        const int32_t x = (values[i] * op->multiplier + half) >> op->right_shift;
        result[i] = (int16_t)(op->tanh ? tanh_int16(x) : sigmoid_int16(x));
    }
}
