/* Comparisons of two tensors, either of them stretched, in plain C. */
#include <stdbool.h>
#include <string.h>

#include "fixed_point.h"
#include "pairs.h"

/* Head room of the common scale, in bits. */
#define LEFT_SHIFT 8

static int8_t answer(int32_t how, bool equal, bool less) {
    switch (how) {
    case COMPARE_EQUAL:
        return equal;
    case COMPARE_NOT_EQUAL:
        return !equal;
    case COMPARE_LESS:
        return less;
    default:
        return less || equal;
    }
}

static int8_t of_int8(const void *context, int32_t first, int32_t second) {
    const struct compare *op = context;
    const int32_t a = requantise((first + op->first_offset) * (1 << LEFT_SHIFT),
                                 op->first_multiplier, -op->first_right_shift);
    const int32_t b = requantise((second + op->second_offset) * (1 << LEFT_SHIFT),
                                 op->second_multiplier, -op->second_right_shift);
    return answer(op->how, a == b, a < b);
}

static int8_t of_words(const struct compare *op, const uint8_t *first, const uint8_t *second) {
    if (op->type == COMPARE_INT32) {
        int32_t a, b;
        memcpy(&a, first, sizeof a);
        memcpy(&b, second, sizeof b);
        return answer(op->how, a == b, a < b);
    }
    float a, b;
    memcpy(&a, first, sizeof a);
    memcpy(&b, second, sizeof b);
    return answer(op->how, a == b, a < b);
}

void compare(const struct compare *op, const void *first, const void *second, void *out) {
    const struct pairs *pairs = &op->pairs;
    if (op->type == COMPARE_INT8) {
        each_pair(pairs, first, second, out, of_int8, op);
        return;
    }
    int8_t *to = out;
    int32_t at[PAIRS_RANK];
    for (at[0] = 0; at[0] < pairs->shape[0]; at[0]++) {
        for (at[1] = 0; at[1] < pairs->shape[1]; at[1]++) {
            for (at[2] = 0; at[2] < pairs->shape[2]; at[2]++) {
                for (at[3] = 0; at[3] < pairs->shape[3]; at[3]++) {
                    int32_t a = 0;
                    int32_t b = 0;
                    for (int32_t i = 0; i < PAIRS_RANK; i++) {
                        a += at[i] * pairs->first_stride[i];
                        b += at[i] * pairs->second_stride[i];
                    }
                    *to++ = of_words(op, (const uint8_t *)first + 4 * a,
                                     (const uint8_t *)second + 4 * b);
                }
            }
        }
    }
}
