/* Fixed-point arithmetic of the reference kernels.
 *
 * Ref: gemmlowp's fixedpoint.h; tensorflow/lite/kernels/internal/common.h, with double rounding.
 */
#ifndef TINYBENCH_FIXED_POINT_H
#define TINYBENCH_FIXED_POINT_H

#include <stdint.h>

/* a * b / 2^31, halves rounded up. Not for a = b = INT32_MIN. */
static inline int32_t rounding_doubling_high_mul(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

/* x / 2^exponent, halves rounded away from zero. `exponent` is 0..31. */
static inline int32_t rounding_divide_by_pot(int32_t x, int32_t exponent) {
    const uint32_t mask = ((uint32_t)1 << exponent) - 1;
    return (x >> exponent) + (((uint32_t)x & mask) > (mask >> 1) + (x < 0));
}

static inline int32_t clamp(int32_t x, int32_t min, int32_t max) {
    return x < min ? min : x > max ? max : x;
}

/* x * multiplier * 2^(shift - 31), rounded at the multiplication and at the shift to the right. */
static inline int32_t requantise(int32_t x, int32_t multiplier, int32_t shift) {
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    return rounding_divide_by_pot(rounding_doubling_high_mul(x * (1 << left), multiplier), right);
}

#endif
