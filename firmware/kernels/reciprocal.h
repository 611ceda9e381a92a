/* Reciprocals in fixed point. Ref: gemmlowp's fixedpoint.h. */
#ifndef TINYBENCH_RECIPROCAL_H
#define TINYBENCH_RECIPROCAL_H

#include "fixed_point.h"

/* 1 / (1 + x) for x in 0 .. 1, both fractions of 2^31: three steps of Newton's method. */
static inline int32_t reciprocal_of_one_plus(int32_t x) {
    const int32_t half_denominator = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
    /* 48/17 and -32/17 with two integer bits make the best first guess. */
    int32_t guess = 1515870810 + rounding_doubling_high_mul(half_denominator, -1010580540);
    for (int i = 0; i < 3; i++) {
        const int32_t error = (1 << 29) - rounding_doubling_high_mul(half_denominator, guess);
        guess += 4 * rounding_doubling_high_mul(guess, error);
    }
    /* Half of it is the result with one integer bit, to be saturated into none. */
    return guess >= 1 << 30 ? INT32_MAX : 2 * guess;
}

#endif
