/* Logarithms of whole numbers, by squaring. */
#ifndef TINYBENCH_LOG2_H
#define TINYBENCH_LOG2_H

#include <stdint.h>

#define LOG2_BITS 20

/* log2 of mantissa / 2^31, which is in 1..2, in units of 2^-LOG2_BITS: each squaring gives one more
 * bit. */
static inline int32_t log2_fraction(uint32_t mantissa) {
    int32_t fraction = 0;
    for (uint32_t bit = 0; bit < LOG2_BITS; bit++) {
        const uint64_t square = (uint64_t)mantissa * mantissa;
        const uint32_t doubled = (uint32_t)(square >> 63);
        mantissa = (uint32_t)(doubled ? square >> 32 : square >> 31);
        fraction = fraction << 1 | (int32_t)doubled;
    }
    return fraction;
}

#endif
