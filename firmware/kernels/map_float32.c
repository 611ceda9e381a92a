/* Functions of one float each. */
#include "exponential.h"
#include "floats.h"

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
    default:
        return 1.0f / square_root(x);
    }
}

void map_float32(const struct map_float32 *op, const void *in, void *out) {
    const real *values = in;
    real *result = out;
    for (int32_t i = 0; i < op->count; i++) {
        result[i] = of(op, values[i]);
    }
}
