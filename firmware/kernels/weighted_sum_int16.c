/* Sum or difference of two tensors of int16. */
#include "pairs_int16.h"

/* Head room of the common scale, in bits. */
#define LEFT_SHIFT 15

static int32_t sum(const void *context, int32_t first, int32_t second) {
    const struct weighted_sum_int16 *op = context;
    const int32_t a =
        requantise(first * (1 << LEFT_SHIFT), op->first_multiplier, -op->first_right_shift);
    const int32_t b =
        requantise(second * (1 << LEFT_SHIFT), op->second_multiplier, -op->second_right_shift);
    const int32_t value = requantise(a + op->sign * b, op->out_multiplier, -op->out_right_shift);
    return clamp(value, op->out_min, op->out_max);
}

void weighted_sum_int16(const struct weighted_sum_int16 *op, const void *first, const void *second,
                        void *out) {
    each_pair_int16(&op->pairs, first, second, out, sum, op);
}
