/* Squares of differences of two tensors of int16. */
#include "pairs_int16.h"

static int32_t squared(const void *context, int32_t first, int32_t second) {
    const struct squared_difference_int16 *op = context;
    const int32_t a = requantise(first, op->first_multiplier, -op->first_right_shift);
    const int32_t b = requantise(second, op->second_multiplier, -op->second_right_shift);
    const int32_t value = requantise((a - b) * (a - b), op->multiplier, op->shift);
    return clamp(value, INT16_MIN, INT16_MAX);
}

void squared_difference_int16(const struct squared_difference_int16 *op, const void *first,
                              const void *second, void *out) {
    each_pair_int16(&op->pairs, first, second, out, squared, op);
}
