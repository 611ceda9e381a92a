/* Int16 becomes floats. */
#include "int16.h"

typedef float __attribute__((may_alias)) real;

void dequantize_int16(const struct dequantize_int16 *op, const void *in, void *out) {
    const short_int *values = in;
    real *result = out;
    for (int32_t i = 0; i < op->count; i++) {
        result[i] = (float)values[i] * op->scale;
    }
}
