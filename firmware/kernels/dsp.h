/* What the DSP kernels share: instructions that C has no words for, and the output stage. */
#ifndef TINYBENCH_DSP_H
#define TINYBENCH_DSP_H

#include <arm_acle.h>
#include <stdint.h>

#include "kernels.h"

/* Four int8, or two int16, in one register; read from tensors at any address, or at whole words. */
typedef int32_t __attribute__((may_alias, aligned(1))) packed_anywhere;
typedef int32_t __attribute__((may_alias)) packed;

/* Keeps GCC from turning the loops below into calls of memcpy and memset, which go byte by byte in
 * a C library made small. */
static inline void no_library(void) {
    __asm__ volatile("");
}

/* Copy `count` bytes between any addresses. */
static inline void copy_bytes(int8_t *to, const int8_t *from, int32_t count) {
    const int8_t *const whole = from + (count & ~3);
    for (; from != whole; from += 4, to += 4) {
        *(packed_anywhere *)to = *(const packed_anywhere *)from;
        no_library();
    }
    for (count &= 3; count > 0; count--) {
        *to++ = *from++;
        no_library();
    }
}

/* Set `count` bytes at any address. */
static inline void fill_bytes(int8_t *to, int32_t value, int32_t count) {
    const int32_t bytes = (int32_t)(0x01010101u * (uint8_t)value);
    for (; count >= 4; count -= 4, to += 4) {
        *(packed_anywhere *)to = bytes;
        no_library();
    }
    for (; count > 0; count--) {
        *to++ = (int8_t)value;
        no_library();
    }
}

/* Bytes 0 and 2 as two int16. */
static inline int32_t even_bytes(int32_t x) {
    return __sxtb16(x);
}

/* Bytes 1 and 3 as two int16. */
static inline int32_t odd_bytes(int32_t x) {
    int32_t result;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(x));
    return result;
}

/* The low halves of two registers as two int16. */
static inline int32_t pack(int32_t low, int32_t high) {
    int32_t result;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(result) : "r"(low), "r"(high));
    return result;
}

/* The high halves of two registers as two int16. */
static inline int32_t pack_high(int32_t low, int32_t high) {
    int32_t result;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(result) : "r"(high), "r"(low));
    return result;
}

/* High word of a * b, rounded. */
static inline int32_t high_mul(int32_t a, int32_t b) {
    int32_t result;
    __asm__("smmulr %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
    return result;
}

/* High word of a * b + c * 2^32, rounded. */
static inline int32_t high_mul_add(int32_t a, int32_t b, int32_t c) {
    int32_t result;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(c));
    return result;
}

/* x limited to -128 .. 127. */
static inline int8_t limited_to_int8(int32_t x) {
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(x));
    return (int8_t)result;
}

/* Output stage where values below the output's zero point are clamped to it: there a half may be
 * rounded either way, and the two roundings and the zero point become one addition. */
static inline int8_t output_clamped(int32_t acc, const struct channel_dsp *c) {
    const int32_t x = high_mul_add(c->bias_x2 + 2 * acc, c->multiplier, c->rounding);
    return limited_to_int8(x >> c->right_shift);
}

/* Output stage with halves rounded away from zero, for any limits. */
static inline int8_t output_exact(int32_t acc, const struct channel_dsp *c, int32_t min,
                                  int32_t max) {
    int32_t x = high_mul(c->bias_x2 + 2 * acc, c->multiplier);
    x = (x + (x >> 31) + c->rounding) >> c->right_shift;
    return (int8_t)(x < min ? min : x > max ? max : x);
}

/* The sum of the first of two channels that share their words. Each half of such a word is 256
 * times the weight of the first and that of the second: times the inputs as it is, and with the
 * second's bytes alone, that gives both. */
static inline int32_t first_of_two(int32_t both, int32_t second) {
    return (int32_t)((uint32_t)both - (uint32_t)second) >> 8;
}

#endif
