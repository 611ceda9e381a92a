/* Functions of one float each. */
#include "exponential.h"
#include "floats.h"
#include "powers.h"
#include "whole.h"

/* The nearest whole number, the even one of two. */
static float nearest(float x) {
    const float below = whole(x);
    const float rest = x - below;
    const float odd = below - 2.0f * whole(below * 0.5f);
    return rest < 0.5f || (rest == 0.5f && odd == 0.0f) ? below : below + 1.0f;
}

static float of(const struct map_float32 *op, float x) {
    switch (op->function) {
    case MAP_RELU:
        return x < 0.0f ? 0.0f : x;
    case MAP_RELU6:
        return x > 6.0f ? 6.0f : x < 0.0f ? 0.0f : x;
    case MAP_LEAKY_RELU:
        return x > 0.0f ? x : x * op->alpha;
    case MAP_ELU:
        return x < 0.0f ? exponential_less_one(x) : x;
    case MAP_LOGISTIC:
        return sigmoid(x);
    case MAP_TANH:
        return hyperbolic_tangent(x);
    case MAP_HARD_SWISH: {
        const float above = x + 3.0f < 0.0f ? 0.0f : x + 3.0f;
        return x * (above > 6.0f ? 6.0f : above) / 6.0f;
    }
    case MAP_RSQRT:
        return 1.0f / square_root(x);
    case MAP_EXP:
        return exponential(x);
    case MAP_LOG:
        return logarithm(x);
    case MAP_SQRT:
        return square_root(x);
    case MAP_SQUARE:
        return x * x;
    case MAP_NEG:
        return -x;
    case MAP_FLOOR:
        return whole(x);
    case MAP_CEIL:
        return -whole(-x);
    case MAP_ROUND:
        return nearest(x);
    case MAP_ABS:
        return size_of(x);
    case MAP_SIGN:
        return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x;
    case MAP_SIN:
        return sine(x);
    case MAP_COS:
        return cosine(x);
    case MAP_RELU_N1_TO_1:
        return x > 1.0f ? 1.0f : x < -1.0f ? -1.0f : x;
    default:
        return x > 1.0f ? 1.0f : x < 0.0f ? 0.0f : x;
    }
}

void map_float32(const struct map_float32 *op, const void *in, void *out) {
    const real *values = in;
    real *result = out;
    for (int32_t i = 0; i < op->count; i++) {
        result[i] = of(op, values[i]);
    }
}
