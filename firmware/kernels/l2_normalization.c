/* Rows by their length, in fixed point, plain C. */
#include "fixed_point.h"
#include "reduce.h"

#define INPUT_STEPS 7 /* of an output, as bits: the scale 1/128 */

struct scale {
    int32_t multiplier, shift; /* to the left where positive */
};

static int32_t saturating_left(int32_t x, int32_t bits) {
    const int64_t value = (int64_t)x * ((int64_t)1 << bits);
    return (int32_t)(value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : value);
}

/* 1 / sqrt(x), by five steps of Newton's method with three integer bits.
 * Ref: GetInvSqrtQuantizedMultiplierExp in tensorflow/lite/kernels/internal/common.h. */
static struct scale inverse_square_root(int32_t x) {
    if (x <= 1) {
        return (struct scale){INT32_MAX, 0};
    }
    int32_t right = 11;
    while (x >= 1 << 29) {
        x /= 4;
        right++;
    }
    const int32_t pairs = (__builtin_clz((uint32_t)x) - 1) / 2 - 1;
    right -= pairs;
    x *= 1 << (2 * pairs);
    const int32_t half = rounding_divide_by_pot(x >> 1, 1);
    const int32_t half_three = (1 << 28) + (1 << 27);
    int32_t guess = 1 << 28;
    for (int i = 0; i < 5; i++) {
        const int32_t square = rounding_doubling_high_mul(guess, guess);
        const int32_t cube = saturating_left(rounding_doubling_high_mul(square, guess), 6);
        guess = saturating_left(rounding_doubling_high_mul(half_three, guess) -
                                    rounding_doubling_high_mul(half, cube),
                                3);
    }
    guess = rounding_doubling_high_mul(guess, 1518500250); /* sqrt(2) / 2 */
    if (right < 0) {
        guess *= 1 << -right;
        right = 0;
    }
    return (struct scale){guess, -right};
}

void l2_normalization(const struct l2_normalization *op, const int8_t *in, int8_t *out) {
    for (int32_t row = 0; row < op->rows; row++, in += op->count, out += op->count) {
        int32_t squares = 0;
        for (int32_t i = 0; i < op->count; i++) {
            const int32_t value = in[i] + op->in_offset;
            squares += value * value;
        }
        const struct scale scale = inverse_square_root(squares);
        for (int32_t i = 0; i < op->count; i++) {
            const int32_t value =
                requantise(in[i] + op->in_offset, scale.multiplier, scale.shift + INPUT_STEPS);
            out[i] = (int8_t)clamp(value, INT8_MIN, INT8_MAX);
        }
    }
}
