/* Softmax of int16. */
#include "fixed_point.h"
#include "int16.h"

/* A table of 513 values at x, -32768 .. 32767, by the line between two of them. */
static int32_t between(const int16_t *table, int32_t x) {
    const int32_t at = 256 + (x >> 7);
    const int32_t slope = (int16_t)(table[at + 1] - table[at]);
    return (int16_t)(table[at] + ((slope * (x & 0x7f) + 64) >> 7));
}

void softmax_int16(const struct softmax_int16 *op, const void *in, void *out) {
    const short_int *values = in;
    short_int *result = out;
    for (int32_t row = 0; row < op->rows; row++, values += op->classes, result += op->classes) {
        int32_t max = INT16_MIN;
        for (int32_t i = 0; i < op->classes; i++) {
            max = values[i] > max ? values[i] : max;
        }
        int32_t sum = 0; /* with 15 bits behind the point */
        for (int32_t i = 0; i < op->classes; i++) {
            const int32_t scaled = requantise(values[i] - max, op->multiplier, op->shift);
            const int32_t x = clamp(scaled, -65535, 0) + INT16_MAX;
            result[i] = (int16_t)between(op->exponentials, x);
            sum += result[i];
        }
        const int32_t zeros = __builtin_clz((uint32_t)sum);
        const int32_t shifted = (int32_t)((((int64_t)sum << (zeros - 1)) + (1 << 13)) >> 14);
        const int32_t x = clamp(shifted - (3 << 15), INT16_MIN, INT16_MAX);
        const int32_t reciprocal = between(op->reciprocals, x);
        const int32_t shift = 31 - zeros;
        for (int32_t i = 0; i < op->classes; i++) {
            const int32_t half = (int32_t)((1u << shift) >> 1);
            const int32_t share = (int32_t)(((int64_t)result[i] * reciprocal + half) >> shift);
            result[i] = (int16_t)clamp(share, 0, INT16_MAX);
        }
    }
}
