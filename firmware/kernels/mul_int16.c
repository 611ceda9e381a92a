/* Product of two tensors of int16. */
#include "pairs_int16.h"

static int32_t product(const void *context, int32_t first, int32_t second) {
    const struct mul_int16 *op = context;
    return clamp(requantise(first * second, op->multiplier, op->shift), op->out_min, op->out_max);
}

void mul_int16(const struct mul_int16 *op, const void *first, const void *second, void *out) {
    each_pair_int16(&op->pairs, first, second, out, product, op);
}
