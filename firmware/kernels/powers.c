/* Powers, circles and remainders, by range reduction and series in double precision. */
#include "powers.h"

#include <stdbool.h>
#include <string.h>

#include "whole.h"

#define LN_2 0.69314718055994530942
#define HALF_PI 1.57079632679489661923
/* Its first 33 bits, whose product with 20 others is exact, and the rest. */
#define HALF_PI_HIGH 1.57079632673412561417
#define HALF_PI_LOW 6.07710050650619224932e-11

static const float infinite = __builtin_inff();

static uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* 2^n, n in -1022 .. 1023. */
static double two_to(int32_t n) {
    const uint64_t bits = (uint64_t)(n + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int32_t nearest(double x) {
    return (int32_t)(x + (x < 0.0 ? -0.5 : 0.5));
}

/* log2(x) of what is above zero and finite. */
static double binary_logarithm(float x) {
    const double value = (double)x;
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    int32_t n = (int32_t)(bits >> 52) - 1023;
    double m = value * two_to(-n);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        n++;
    }
    /* ln(m) = 2 artanh(s) */
    const double s = (m - 1.0) / (m + 1.0);
    const double z = s * s;
    double p = 0.0;
    for (int32_t i = 17; i > 0; i -= 2) {
        p = p * z + 1.0 / (double)i;
    }
    return (double)n + 2.0 * s * p * (1.0 / LN_2);
}

/* 2^x */
static float binary_power(double x) {
    if (x >= 128.0) {
        return infinite;
    }
    if (x < -150.0) {
        return 0.0f;
    }
    const int32_t n = nearest(x);
    const double rest = (x - (double)n) * LN_2;
    double p = 1.0;
    for (int32_t i = 12; i > 0; i--) {
        p = p * rest / (double)i + 1.0;
    }
    return (float)(p * two_to(n));
}

float power(float base, float exponent) {
    if (exponent == 0.0f || base == 1.0f) {
        return 1.0f;
    }
    if (base != base || exponent != exponent) {
        return __builtin_nanf("");
    }
    const float size = size_of(base);
    const bool is_whole = whole(exponent) == exponent;
    const bool odd = is_whole && whole(exponent * 0.5f) != exponent * 0.5f;
    const float sign = (bits_of(base) >> 31) != 0 && odd ? -1.0f : 1.0f;
    if (size == 0.0f || size == infinite) {
        return sign * ((size == 0.0f) == (exponent < 0.0f) ? infinite : 0.0f);
    }
    if (size_of(exponent) == infinite) {
        return size == 1.0f ? 1.0f : (size > 1.0f) == (exponent > 0.0f) ? infinite : 0.0f;
    }
    if (base < 0.0f && !is_whole) {
        return __builtin_nanf("");
    }
    return sign * binary_power((double)exponent * binary_logarithm(size));
}

/* 32 bits of 2 / pi from the one after `place` bits behind the point on. */
static uint32_t two_by_pi(int32_t place) {
    static const uint32_t words[] = {0xA2F9836Eu, 0x4E441529u, 0xFC2757D1u, 0xF534DDC0u,
                                     0xDB629599u, 0x3C439041u, 0xFE5163ABu, 0xDEBBC561u};
    if (place < 0) {
        return words[0] >> -place;
    }
    const uint32_t *word = words + place / 32;
    return (uint32_t)(((uint64_t)word[0] << 32 | word[1]) >> (32 - place % 32));
}

/* What x is away from the nearest quarter of a circle, and which one that is, of any whole number.
 * The bits of 2 / pi that make whole circles of x are left out. Ref: Payne and Hanek. */
static double from_quarter_of_great(float x, uint32_t *quarter) {
    const uint32_t bits = bits_of(x) & 0x7fffffffu;
    const uint64_t m = (bits & 0x7fffffu) | 0x800000u;
    const int32_t place = (int32_t)(bits >> 23) - 150 - 2;
    const uint64_t low = m * two_by_pi(place + 64);
    const uint64_t middle = m * two_by_pi(place + 32) + (low >> 32);
    const uint64_t high = m * two_by_pi(place) + (middle >> 32);
    const uint64_t quarters = (high & 0xffffffffu) << 32 | (middle & 0xffffffffu);
    const int64_t part = (int64_t)(quarters << 2);
    *quarter = (uint32_t)(quarters >> 62) + (part < 0);
    return (double)part * two_to(-64) * HALF_PI;
}

static double from_quarter(float x, uint32_t *quarter) {
    const float size = size_of(x);
    double away;
    if (size < 1048576.0f) {
        const int32_t n = nearest((double)size / HALF_PI);
        away = ((double)size - (double)n * HALF_PI_HIGH) - (double)n * HALF_PI_LOW;
        *quarter = (uint32_t)n;
    } else {
        away = from_quarter_of_great(size, quarter);
    }
    if (x < 0.0f) {
        *quarter = 0u - *quarter;
        return -away;
    }
    return away;
}

/* 1 - x^2 / (first * (first + 1)) * (1 - x^2 / ((first + 2) * (first + 3)) * ... */
static double series(double x, int32_t first) {
    double p = 1.0;
    for (int32_t i = first + 12; i >= first; i -= 2) {
        p = 1.0 - x * x / (double)(i * (i + 1)) * p;
    }
    return p;
}

static float circle(float x, uint32_t ahead) {
    if (!(size_of(x) < infinite)) {
        return __builtin_nanf("");
    }
    uint32_t quarter;
    const double away = from_quarter(x, &quarter);
    quarter += ahead;
    const double value = quarter % 2 == 0 ? away * series(away, 2) : series(away, 1);
    return (float)(quarter % 4 < 2 ? value : -value);
}

float sine(float x) {
    return x == 0.0f ? x : circle(x, 0);
}

float cosine(float x) {
    return circle(x, 1);
}

/* The whole number m of m * 2^(exponent - 150). */
static uint32_t mantissa_of(float x, int32_t *exponent) {
    const uint32_t bits = bits_of(x) & 0x7fffffffu;
    const int32_t n = (int32_t)(bits >> 23);
    *exponent = n == 0 ? 1 : n;
    return n == 0 ? bits : (bits & 0x7fffffu) | 0x800000u;
}

float remainder_of(float a, float b) {
    const float above = size_of(a);
    const float below = size_of(b);
    if (!(above < infinite) || below == 0.0f || b != b) {
        return __builtin_nanf("");
    }
    if (above < below) {
        return a;
    }
    int32_t n;
    int32_t last;
    uint32_t left = mantissa_of(above, &n);
    const uint32_t by = mantissa_of(below, &last);
    for (; n > last; n--) {
        left = left % by * 2;
    }
    const float size = (float)((double)(left % by) * two_to(last - 150));
    return (bits_of(a) >> 31) != 0 ? -size : size;
}
