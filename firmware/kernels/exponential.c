/* Exponentials of single precision, by range reduction and polynomials. */
#include "exponential.h"

#include <string.h>

static float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t to_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* 2^n as a float, n in -126 .. 127. */
static float power_of_two(int32_t n) {
    return from_bits((uint32_t)(n + 127) << 23);
}

/* x = n * ln 2 + rest, |rest| <= ln 2 / 2; `low` is what the rest lacks. */
static int32_t reduce(float x, float *rest, float *low) {
    const int32_t n = (int32_t)(x * 1.44269504f + (x < 0.0f ? -0.5f : 0.5f));
    /* The first part has few enough bits for its product with n to be exact. */
    const float high = x - (float)n * 0.693145752f;
    const float part = (float)n * 1.42860677e-6f;
    *rest = high - part;
    *low = (high - *rest) - part;
    return n;
}

/* exp(x) - 1 for |x| <= ln 2 / 2, plus what x lacks. */
static float less_one(float x, float low) {
    const float square = x * x;
    float p = 1.98412698e-4f;
    p = p * x + 1.38888889e-3f;
    p = p * x + 8.33333333e-3f;
    p = p * x + 4.16666667e-2f;
    p = p * x + 1.66666667e-1f;
    return x + (square * 0.5f + (square * x * p + (low + low * x)));
}

float exponential(float x) {
    if (x != x) {
        return x;
    }
    if (x > 88.7228394f) {
        return from_bits(0x7f800000u);
    }
    if (x < -103.972084f) {
        return 0.0f;
    }
    float rest, low;
    const int32_t n = reduce(x, &rest, &low);
    const float value = 1.0f + less_one(rest, low);
    if (n > 127) {
        return value * 2.0f * power_of_two(n - 1);
    }
    if (n < -126) {
        return value * power_of_two(n + 64) * power_of_two(-64);
    }
    return value * power_of_two(n);
}

float exponential_less_one(float x) {
    if (x > -0.34f && x < 0.34f) {
        return less_one(x, 0.0f);
    }
    return exponential(x) - 1.0f;
}

float logarithm(float x) {
    if (x != x || x == from_bits(0x7f800000u)) {
        return x;
    }
    if (x <= 0.0f) {
        return from_bits(x == 0.0f ? 0xff800000u : 0x7fc00000u);
    }
    int32_t n = 0;
    if (x < 1.17549435e-38f) { /* subnormal */
        x *= 33554432.0f;
        n = -25;
    }
    /* x = 2^n * (1 + f), 1 + f between the roots of 1/2 and 2. */
    const uint32_t bits = to_bits(x) + (0x3f800000u - 0x3f3504f3u);
    n += (int32_t)(bits >> 23) - 127;
    const float f = from_bits((bits & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
    /* ln(1 + f) = 2 artanh(s), as f less what is small beside it. */
    const float s = f / (2.0f + f);
    const float z = s * s;
    float p = 1.81818182e-1f;
    p = p * z + 2.22222222e-1f;
    p = p * z + 2.85714286e-1f;
    p = p * z + 4.00000000e-1f;
    p = p * z + 6.66666667e-1f;
    const float half = 0.5f * f * f;
    const float small = s * (half + z * p) + (float)n * 1.42860677e-6f;
    return (float)n * 0.693145752f - ((half - small) - f);
}

float hyperbolic_tangent(float x) {
    const float size = x < 0.0f ? -x : x;
    if (size > 9.1f) {
        return x < 0.0f ? -1.0f : 1.0f;
    }
    if (size >= 0.55f) {
        const float above = 1.0f - 2.0f / (exponential(2.0f * size) + 1.0f);
        return x < 0.0f ? -above : above;
    }
    /* Continued from the Taylor series, whose next term is below half a step here. */
    const float square = x * x;
    float p = 1.45583439e-3f;
    p = p * square - 3.59212803e-3f;
    p = p * square + 8.86323552e-3f;
    p = p * square - 2.18694885e-2f;
    p = p * square + 5.39682540e-2f;
    p = p * square - 1.33333333e-1f;
    p = p * square + 3.33333333e-1f;
    return x - x * square * p;
}

float sigmoid(float x) {
    if (x > 16.619047164916992188f) {
        return 1.0f;
    }
    if (x < -9.0f) {
        return exponential(x);
    }
    return 1.0f / (1.0f + exponential(-x));
}

float square_root(float x) {
    uint32_t bits = to_bits(x);
    if (x == 0.0f || x != x || bits == 0x7f800000u) {
        return x;
    }
    if (x < 0.0f) {
        return from_bits(0x7fc00000u);
    }
    int32_t exponent = (int32_t)(bits >> 23);
    uint32_t mantissa = bits & 0x7fffffu;
    if (exponent == 0) { /* subnormal */
        for (exponent = 1; (mantissa & 0x800000u) == 0; exponent--) {
            mantissa <<= 1;
        }
    } else {
        mantissa |= 0x800000u;
    }
    exponent -= 127;
    if (exponent & 1) {
        mantissa <<= 1;
        exponent--;
    }
    /* 25 bits of the root of mantissa * 2^25, bit by bit; the last one rounds. */
    uint64_t rest = (uint64_t)mantissa << 25;
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 48; bit != 0; bit >>= 2) {
        if (rest >= root + bit) {
            rest -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    root = (root + 1) >> 1;
    return from_bits((uint32_t)((exponent / 2 + 127) << 23) + ((uint32_t)root - 0x800000u));
}
