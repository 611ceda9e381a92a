/* The arithmetic of features: float32, or fixed point for cores without a floating-point unit. */
#ifndef TINYBENCH_NUMBER_H
#define TINYBENCH_NUMBER_H

#include <stdint.h>

/* TB_AUDIO_FIXED asks for fixed point where there are floats, too. */
#if defined(TB_AUDIO_FIXED) || (defined(__arm__) && !defined(__ARM_FP)) ||                         \
    (defined(__riscv) && !defined(__riscv_flen))
#define FIXED_POINT
#endif

#ifdef FIXED_POINT

/* Sound and its spectrum; a weight in -1..1 in units of 2^-30; a part of 0..1 in units of 2^-16. */
typedef int32_t Number;
typedef int32_t Weight;
typedef uint16_t Part;
typedef uint64_t Power;

#define WEIGHT(value) (int32_t)((value) * 0x1p30 + 0.5)
#define PART(value) (uint16_t)((value) * 0x1p16 + 0.5)

static inline Number times(Number value, Weight weight) {
    return (Number)(((int64_t)value * weight + (1 << 29)) >> 30);
}

static inline Number half(Number value) {
    return value >> 1;
}

/* In units of 2^13: all powers of a frame together are below 2^60 (Parseval), and a sum of them,
 * each times a Part, below 2^63. */
static inline Power power(Number re, Number im) {
    return ((uint64_t)((int64_t)re * re) + (uint64_t)((int64_t)im * im)) >> 13;
}

static inline Power part_of(Power power, Part part) {
    return power * part;
}

static inline Power rest_of(Power power, Part part) {
    return power * (0x10000u - part);
}

/* What a Power in part_of's units is more than the square of a Number, as a power of two. */
#define POWER_LOG2 (16 - 13)

#else

typedef float Number;
typedef float Weight;
typedef float Part;
typedef float Power;

#define WEIGHT(value) (float)(value)
#define PART(value) (float)(value)

static inline Number times(Number value, Weight weight) {
    return value * weight;
}

static inline Number half(Number value) {
    return value * 0.5f;
}

static inline Power power(Number re, Number im) {
    return re * re + im * im;
}

static inline Power part_of(Power power, Part part) {
    return power * part;
}

static inline Power rest_of(Power power, Part part) {
    return power - power * part;
}

#define POWER_LOG2 0

#endif

#endif
