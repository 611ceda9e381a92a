/* Functions of two tensors of int32, either of them stretched, in plain C. */
#include "elementwise.h"
#include "fixed_point.h"

typedef int32_t __attribute__((may_alias)) word;

static int32_t divided(int32_t a, int32_t b) {
    if (b == 0) {
        return 0;
    }
    return b == -1 ? (int32_t)(0u - (uint32_t)a) : a / b;
}

/* What a division that is rounded down leaves; it has the sign of b. */
static int32_t rest(int32_t a, int32_t b) {
    if (b == 0 || b == -1) {
        return 0;
    }
    const int32_t left = a % b;
    return left != 0 && (left < 0) != (b < 0) ? left + b : left;
}

static int32_t of(int32_t function, int32_t a, int32_t b) {
    const uint32_t difference = (uint32_t)a - (uint32_t)b;
    switch (function) {
    case WORDS_ADD:
        return (int32_t)((uint32_t)a + (uint32_t)b);
    case WORDS_SUB:
        return (int32_t)difference;
    case WORDS_MUL:
        return (int32_t)((uint32_t)a * (uint32_t)b);
    case WORDS_MAXIMUM:
        return a > b ? a : b;
    case WORDS_MINIMUM:
        return a < b ? a : b;
    case WORDS_DIV:
        return divided(a, b);
    case WORDS_FLOOR_DIV:
        return rest(a, b) != 0 && (a < 0) != (b < 0) ? divided(a, b) - 1 : divided(a, b);
    case WORDS_FLOOR_MOD:
        return rest(a, b);
    default:
        return (int32_t)(difference * difference);
    }
}

void pairs_int32(const struct pairs_int32 *op, const void *first, const void *second, void *out) {
    const struct pairs *pairs = &op->pairs;
    word *result = out;
    int32_t at[PAIRS_RANK];
    for (at[0] = 0; at[0] < pairs->shape[0]; at[0]++) {
        for (at[1] = 0; at[1] < pairs->shape[1]; at[1]++) {
            for (at[2] = 0; at[2] < pairs->shape[2]; at[2]++) {
                const word *a = first;
                const word *b = second;
                for (int32_t i = 0; i < PAIRS_RANK - 1; i++) {
                    a += at[i] * pairs->first_stride[i];
                    b += at[i] * pairs->second_stride[i];
                }
                for (at[3] = 0; at[3] < pairs->shape[3]; at[3]++) {
                    *result++ = clamp(of(op->function, *a, *b), op->out_min, op->out_max);
                    a += pairs->first_stride[3];
                    b += pairs->second_stride[3];
                }
            }
        }
    }
}
