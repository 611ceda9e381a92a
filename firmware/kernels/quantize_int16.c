/* Floats become int16. */
#include "int16.h"

typedef float __attribute__((may_alias)) real;

void quantize_int16(const struct quantize_int16 *op, const void *in, void *out) {
    const real *values = in;
    short_int *result = out;
    for (int32_t i = 0; i < op->count; i++) {
        const float steps = values[i] / op->scale;
        if (!(steps > -32768.0f)) { /* NaN, too */
            result[i] = INT16_MIN;
        } else if (steps >= 32767.0f) {
            result[i] = INT16_MAX;
        } else {
            const int32_t whole = (int32_t)steps;
            const float rest = steps - (float)whole;
            result[i] = (int16_t)(whole + (rest >= 0.5f) - (rest <= -0.5f));
        }
    }
}
