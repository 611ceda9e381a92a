/* Squares of differences of two tensors, either of them stretched, in plain C. */
#include "fixed_point.h"
#include "pairs.h"

/* Head room of the common scale, in bits: the square of 255 steps still fits. */
#define LEFT_SHIFT 7

static int8_t squared(const void *context, int32_t first, int32_t second) {
    const struct squared_difference *op = context;
    const int32_t a = requantise((first + op->first_offset) * (1 << LEFT_SHIFT),
                                 op->first_multiplier, -op->first_right_shift);
    const int32_t b = requantise((second + op->second_offset) * (1 << LEFT_SHIFT),
                                 op->second_multiplier, -op->second_right_shift);
    const int32_t value = requantise((a - b) * (a - b), op->multiplier, op->shift);
    return (int8_t)clamp(value + op->out_offset, INT8_MIN, INT8_MAX);
}

void squared_difference(const struct squared_difference *op, const int8_t *first,
                        const int8_t *second, int8_t *out) {
    each_pair(&op->pairs, first, second, out, squared, op);
}
