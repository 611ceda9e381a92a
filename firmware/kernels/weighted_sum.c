/* Sum or difference of two tensors, either of them stretched, in plain C. */
#include "fixed_point.h"
#include "pairs.h"

/* Head room of the common scale, in bits. */
#define LEFT_SHIFT 20

static int8_t sum(const void *context, int32_t first, int32_t second) {
    const struct weighted_sum *op = context;
    const int32_t a = requantise((first + op->first_offset) * (1 << LEFT_SHIFT),
                                 op->first_multiplier, -op->first_right_shift);
    const int32_t b = requantise((second + op->second_offset) * (1 << LEFT_SHIFT),
                                 op->second_multiplier, -op->second_right_shift);
    const int32_t value = requantise(a + op->sign * b, op->out_multiplier, -op->out_right_shift);
    return (int8_t)clamp(value + op->out_offset, op->out_min, op->out_max);
}

void weighted_sum(const struct weighted_sum *op, const int8_t *first, const int8_t *second,
                  int8_t *out) {
    each_pair(&op->pairs, first, second, out, sum, op);
}
