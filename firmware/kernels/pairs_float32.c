/* Functions of two tensors of floats. */
#include "floats.h"
#include "powers.h"
#include "whole.h"

/* What a division that is rounded down leaves; it has the sign of b. */
static float rest(float a, float b) {
    const float left = remainder_of(a, b);
    return left != 0.0f && (left < 0.0f) != (b < 0.0f) ? left + b : left;
}

static inline float of(int32_t function, float a, float b) {
    switch (function) {
    case PAIR_ADD:
        return a + b;
    case PAIR_SUB:
        return a - b;
    case PAIR_MUL:
        return a * b;
    case PAIR_MAXIMUM:
        return a > b ? a : b;
    case PAIR_MINIMUM:
        return a < b ? a : b;
    case PAIR_PRELU:
        return a >= 0.0f ? a : a * b;
    case PAIR_DIV:
        return a / b;
    case PAIR_SQUARED_DIFFERENCE:
        return (a - b) * (a - b);
    case PAIR_FLOOR_DIV:
        return whole(a / b);
    case PAIR_FLOOR_MOD:
        return rest(a, b);
    default:
        return power(a, b);
    }
}

void pairs_float32(const struct pairs_float32 *op, const void *first, const void *second,
                   void *out) {
    const struct pairs *pairs = &op->pairs;
    real *result = out;
    int32_t at[PAIRS_RANK];
    for (at[0] = 0; at[0] < pairs->shape[0]; at[0]++) {
        for (at[1] = 0; at[1] < pairs->shape[1]; at[1]++) {
            for (at[2] = 0; at[2] < pairs->shape[2]; at[2]++) {
                const real *a = first;
                const real *b = second;
                for (int32_t i = 0; i < PAIRS_RANK - 1; i++) {
                    a += at[i] * pairs->first_stride[i];
                    b += at[i] * pairs->second_stride[i];
                }
                for (at[3] = 0; at[3] < pairs->shape[3]; at[3]++) {
                    const float value = of(op->function, *a, *b);
                    *result++ = value < op->out_min   ? op->out_min
                                : value > op->out_max ? op->out_max
                                                      : value;
                    a += pairs->first_stride[3];
                    b += pairs->second_stride[3];
                }
            }
        }
    }
}
