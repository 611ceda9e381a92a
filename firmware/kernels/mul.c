/* Product of two tensors in plain C. */
#include "fixed_point.h"
#include "pairs.h"

static int8_t product(const void *context, int32_t first, int32_t second) {
    const struct mul *op = context;
    const int32_t value = requantise((first + op->first_offset) * (second + op->second_offset),
                                     op->multiplier, op->shift);
    return (int8_t)clamp(value + op->out_offset, op->out_min, op->out_max);
}

void mul(const struct mul *op, const int8_t *first, const int8_t *second, int8_t *out) {
    each_pair(&op->pairs, first, second, out, product, op);
}
