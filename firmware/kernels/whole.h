/* Whole numbers among floats. */
#ifndef TINYBENCH_WHOLE_H
#define TINYBENCH_WHOLE_H

#include <stdint.h>
#include <string.h>

/* x without its sign, which a zero has, too. */
static inline float size_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= 0x7fffffffu;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The greatest whole number that is not above x. */
static inline float whole(float x) {
    if (!(x > -8388608.0f && x < 8388608.0f)) {
        return x; /* as all greater ones are, and NaN */
    }
    const float towards_zero = (float)(int32_t)x;
    return towards_zero > x ? towards_zero - 1.0f : towards_zero;
}

#endif
