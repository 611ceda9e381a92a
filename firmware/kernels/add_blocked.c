/* Sum of two tensors in portable C, scaled with one multiplication an operand at most. */
#include "blocked.h"
#include "fixed_point.h"

#include <stdbool.h>

/* Head room of the common scale, in bits. */
#define LEFT_SHIFT 20

/* x / 2^shift, halves rounded away from zero; half of 2^shift is in `rounding`. */
static inline int32_t divide(int32_t x, int32_t rounding, int32_t shift) {
    return (x + (x >> 31) + rounding) >> shift;
}

/* Add; whether other `limits` than those of int8 hold is a constant after inlining. */
static inline __attribute__((always_inline)) void add_within(const struct add_blocked *op,
                                                             bool limits, const int8_t *first,
                                                             const int8_t *second, int8_t *out) {
    /* Everything is kept twice as large, as the high words of products want it. */
    const int32_t first_bias = op->first_offset * (1 << LEFT_SHIFT);
    const int32_t second_bias = op->second_offset * (1 << (LEFT_SHIFT + 1));
    const struct add_blocked o = *op; /* which what is written cannot change */
    for (const int8_t *end = first + o.count; first != end;) {
        const int32_t a_x2 = *first++ * (1 << LEFT_SHIFT) + first_bias;
        const int32_t scaled =
            high_word(*second++ * (1 << (LEFT_SHIFT + 1)) + second_bias, o.second_multiplier);
        const int32_t b = divide(scaled, o.second_rounding, o.second_right_shift);
        const int32_t sum = high_word(a_x2 + 2 * b, o.out_multiplier);
        const int32_t value = divide(sum, o.out_rounding, o.out_right_shift);
        *out++ = (int8_t)(limits ? clamp(value, o.out_min, o.out_max) : limited(value));
    }
}

void add_blocked(const struct add_blocked *op, const int8_t *first, const int8_t *second,
                 int8_t *out) {
    if (op->out_min > INT8_MIN || op->out_max < INT8_MAX) {
        add_within(op, true, first, second, out);
    } else {
        add_within(op, false, first, second, out);
    }
}
