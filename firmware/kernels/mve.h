/* What the MVE kernels share: copies with tail predication, and the output stage. */
#ifndef TINYBENCH_MVE_H
#define TINYBENCH_MVE_H

#include <arm_mve.h>
#include <stdbool.h>
#include <stdint.h>

/* Copy `count` bytes, none at all where it is 0. */
static inline void copy(int8_t *to, const int8_t *from, int32_t count) {
    __asm__ volatile("   wlstp.8 lr, %[count], 2f\n"
                     "1: vldrb.8 q0, [%[from]], #16\n"
                     "   vstrb.8 q0, [%[to]], #16\n"
                     "   letp    lr, 1b\n"
                     "2:\n"
                     : [to] "+r"(to), [from] "+r"(from)
                     : [count] "r"(count)
                     : "lr", "q0", "cc", "memory");
}

/* Set `count` bytes, none at all where it is 0. */
static inline void fill(int8_t *to, int8_t value, int32_t count) {
    const int8x16_t values = vdupq_n_s8(value);
    __asm__ volatile("   wlstp.8 lr, %[count], 2f\n"
                     "1: vstrb.8 %q[values], [%[to]], #16\n"
                     "   letp    lr, 1b\n"
                     "2:\n"
                     : [to] "+r"(to)
                     : [count] "r"(count), [values] "w"(values)
                     : "lr", "cc", "memory");
}

/* The sums of `count` values times the weights of four channels, [count / 16][4][16] filled up with
 * zeros, that begin with the biases; `weights` goes on to the next four channels. */
static inline int32x4_t dot_4(const int8_t *values, int32_t count, const int8_t **weights,
                              const int32_t *biases) {
    int32_t a = biases[0], b = biases[1], c = biases[2], d = biases[3];
    int32x4_t sums;
    const int8_t *weight = *weights;
    /* Past the end of the values, both factors are read as zeros. */
    __asm__("   wlstp.8 lr, %[count], 2f\n"
            "1: vldrb.8 q0, [%[values]], #16\n"
            "   vldrb.8 q1, [%[weights]], #16\n"
            "   vmladava.s8 %[a], q0, q1\n"
            "   vldrb.8 q2, [%[weights]], #16\n"
            "   vmladava.s8 %[b], q0, q2\n"
            "   vldrb.8 q1, [%[weights]], #16\n"
            "   vmladava.s8 %[c], q0, q1\n"
            "   vldrb.8 q2, [%[weights]], #16\n"
            "   vmladava.s8 %[d], q0, q2\n"
            "   letp    lr, 1b\n"
            "2: vmov   %e[sums], %[a], %[b]\n"
            "   vmov   %f[sums], %[c], %[d]\n"
            : [values] "+r"(values), [weights] "+r"(weight), [a] "+Te"(a), [b] "+Te"(b),
              [c] "+Te"(c), [d] "+Te"(d), [sums] "=w"(sums)
            : [count] "r"(count)
            : "lr", "q0", "q1", "q2", "cc", "memory");
    *weights = weight;
    return sums;
}

/* Output stage of four channels, from sums that begin with the biases; `channels` are their
 * biases, multipliers, roundings, and right shifts below zero. Without `exact`, a half below zero
 * is rounded upwards. */
static inline int32x4_t output(int32x4_t sums, const int32_t *channels, bool exact) {
    int32x4_t x = vqrdmulhq_s32(sums, vldrwq_s32(channels + 4));
    if (exact) {
        x = vaddq_s32(x, vshrq_n_s32(x, 31));
    }
    return vshlq_s32(vaddq_s32(x, vldrwq_s32(channels + 8)), vldrwq_s32(channels + 12));
}

/* The output stage for all scales, without the output's zero point; `channels` are biases,
 * multipliers, shifts to the left, and shifts to the right below zero. */
static inline int32x4_t output_wide(int32x4_t sums, const int32_t *channels) {
    const int32x4_t right = vldrwq_s32(channels + 12);
    int32x4_t x = vshlq_s32(sums, vldrwq_s32(channels + 8));
    x = vqrdmulhq_s32(x, vldrwq_s32(channels + 4));
    x = vaddq_s32(x, vshrq_n_s32(vandq_s32(x, right), 31)); /* where both are below zero */
    return vrshlq_s32(x, right);
}

static inline int32x4_t limited(int32x4_t x, int32_t min, int32_t max) {
    return vminq_s32(vmaxq_s32(x, vdupq_n_s32(min)), vdupq_n_s32(max));
}

/* What the output stages of all channels share. */
struct limits {
    int32x4_t min, max;
    bool exact;
};

/* Store four channels of one pixel, or as many as are left. */
static inline void store(int32x4_t sums, const int32_t *channels, const struct limits *limits,
                         int32_t left, int8_t *out) {
    int32x4_t x = output(sums, channels, limits->exact);
    x = vminq_s32(vmaxq_s32(x, limits->min), limits->max);
    if (left >= 4) {
        vstrbq_s32(out, x);
    } else {
        vstrbq_p_s32(out, x, vctp32q((uint32_t)left));
    }
}

#endif
