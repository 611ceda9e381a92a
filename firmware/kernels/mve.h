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

#endif
