/* What the blocked kernels share: fixed-point arithmetic in portable C. */
#ifndef TINYBENCH_BLOCKED_H
#define TINYBENCH_BLOCKED_H

#include "kernels.h"

/* High word of a * b, halves rounded up. */
static inline int32_t high_word(int32_t a, int32_t b) {
    const int64_t product = (int64_t)a * b;
    return (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
}

/* The int8 of an accumulator, with halves rounded away from zero. */
static inline int8_t output_blocked(int32_t acc, const struct channel_dsp *c, int32_t min,
                                    int32_t max) {
    int32_t x = high_word(c->bias_x2 + 2 * acc, c->multiplier);
    x = (x + (x >> 31) + c->rounding) >> c->right_shift;
    return (int8_t)(x < min ? min : x > max ? max : x);
}

#endif
