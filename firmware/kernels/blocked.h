/* What the blocked kernels share: fixed-point arithmetic in portable C, by its instruction where a
 * core has it. */
#ifndef TINYBENCH_BLOCKED_H
#define TINYBENCH_BLOCKED_H

#include "kernels.h"

/* High word of a * b, halves rounded up. */
static inline int32_t high_word(int32_t a, int32_t b) {
#ifdef __ARM_FEATURE_DSP
    int32_t result;
    __asm__("smmulr %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
    return result;
#else
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32);
#endif
}

/* x limited to -128 .. 127. */
static inline int32_t limited(int32_t x) {
#ifdef __ARM_FEATURE_SAT
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(x));
    return result;
#else
    return x < -128 ? -128 : x > 127 ? 127 : x;
#endif
}

/* The int8 of an accumulator, with halves rounded away from zero. */
static inline int8_t output_blocked(int32_t acc, const struct channel_dsp *c, int32_t min,
                                    int32_t max) {
    int32_t x = high_word(c->bias_x2 + 2 * acc, c->multiplier);
    x = (x + (x >> 31) + c->rounding) >> c->right_shift;
    return (int8_t)(x < min ? min : x > max ? max : x);
}

#endif
