/* Softmax in fixed point, plain C. */
#include "fixed_point.h"
#include "int16.h"
#include "kernels.h"
#include "reciprocal.h"

/* In `bits` bits. */
static inline __attribute__((always_inline)) void each_row(const struct softmax *op,
                                                           const int8_t *in, int8_t *bytes,
                                                           short_int *shorts, int32_t bits) {
    const int32_t least = -(1 << (bits - 1));
    for (int32_t row = 0; row < op->rows; row++, in += op->classes) {
        int32_t max = INT8_MIN;
        for (int32_t i = 0; i < op->classes; i++) {
            max = in[i] > max ? in[i] : max;
        }
        int32_t sum = 0; /* with 12 integer bits */
        for (int32_t i = 0; i < op->classes; i++) {
            sum += rounding_divide_by_pot(op->exponentials[max - in[i]], 12);
        }
        const int32_t zeros = __builtin_clz((uint32_t)sum);
        const int32_t fraction = (int32_t)(((uint32_t)sum << zeros) - (1u << 31));
        const int32_t scale = reciprocal_of_one_plus(fraction);
        const int32_t shift = 12 - zeros + 31 - bits;
        for (int32_t i = 0; i < op->classes; i++) {
            const int32_t share = rounding_doubling_high_mul(scale, op->exponentials[max - in[i]]);
            const int32_t value = rounding_divide_by_pot(share, shift) + least;
            if (bits == 8) {
                *bytes++ = (int8_t)clamp(value, INT8_MIN, INT8_MAX);
            } else {
                *shorts++ = (int16_t)clamp(value, INT16_MIN, INT16_MAX);
            }
        }
    }
}

void softmax(const struct softmax *op, const int8_t *in, int8_t *out) {
    each_row(op, in, out, 0, 8);
}

void softmax_to_int16(const struct softmax *op, const int8_t *in, void *out) {
    each_row(op, in, 0, out, 16);
}
