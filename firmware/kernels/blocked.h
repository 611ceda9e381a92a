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
#elif defined(__ARM_ARCH_6M__) /* has no products of 64 bits: of halves of 16 bits, then */
    const uint32_t a_low = (uint32_t)a & 0xFFFF, b_low = (uint32_t)b & 0xFFFF;
    const int32_t a_high = a >> 16, b_high = b >> 16;
    const int32_t one = a_high * (int32_t)b_low, other = (int32_t)a_low * b_high;
    const uint32_t middle =
        (a_low * b_low >> 16) + ((uint32_t)one & 0xFFFF) + ((uint32_t)other & 0xFFFF);
    return a_high * b_high + (one >> 16) + (other >> 16) + (int32_t)((middle + 0x8000) >> 16);
#else
    const int64_t product = (int64_t)a * b;
    return (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
#endif
}

/* High word of a * b. */
static inline int32_t high_word_down(int32_t a, int32_t b) {
#ifdef __ARM_ARCH_6M__
    const uint32_t a_low = (uint32_t)a & 0xFFFF, b_low = (uint32_t)b & 0xFFFF;
    const int32_t a_high = a >> 16, b_high = b >> 16;
    const int32_t one = a_high * (int32_t)b_low, other = (int32_t)a_low * b_high;
    const uint32_t middle =
        (a_low * b_low >> 16) + ((uint32_t)one & 0xFFFF) + ((uint32_t)other & 0xFFFF);
    return a_high * b_high + (one >> 16) + (other >> 16) + (int32_t)(middle >> 16);
#else
    return (int32_t)((int64_t)a * b >> 32);
#endif
}

/* Before a loop over a few outputs, and for a function that is inlined: on a core with 16-bit
 * instructions alone, whose flash is small, their code stands once. */
#ifdef __ARM_ARCH_6M__
#define ONE_BY_ONE _Pragma("GCC unroll 1")
#define INLINED static __attribute__((noinline, noclone))
#else
#define ONE_BY_ONE
#define INLINED static inline __attribute__((always_inline))
#endif

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

/* In the assembly of RISC-V: a register limited by two others. */
#ifdef __riscv_zbb
#define RISCV_LIMIT(sum, min, max)                                                                 \
    "   max    " sum ", " sum ", " min "\n"                                                        \
    "   min    " sum ", " sum ", " max "\n"
#else
#define RISCV_LIMIT(sum, min, max)                                                                 \
    "   bge    " sum ", " min ", 91f\n"                                                            \
    "   mv     " sum ", " min "\n"                                                                 \
    "91:\n"                                                                                        \
    "   ble    " sum ", " max ", 92f\n"                                                            \
    "   mv     " sum ", " max "\n"                                                                 \
    "92:\n"
#endif

/* The int8 of an accumulator by one product: models/compiler/output_stage.py. */
static inline int8_t output_folded(int32_t acc, const struct channel_dsp *c, int32_t min,
                                   int32_t max) {
    const int32_t x =
        high_word_down((int32_t)((uint32_t)acc << 8) + c->bias_x2, c->multiplier) >> c->right_shift;
    return (int8_t)(x < min ? min : x > max ? max : x);
}

/* The int8 of an accumulator, with halves rounded away from zero. */
static inline int8_t output_blocked(int32_t acc, const struct channel_dsp *c, int32_t min,
                                    int32_t max) {
    int32_t x = high_word(c->bias_x2 + 2 * acc, c->multiplier);
    x = (x + (x >> 31) + c->rounding) >> c->right_shift;
    return (int8_t)(x < min ? min : x > max ? max : x);
}

#endif
