/* A slope of its own for values below zero, in plain C. */
#include "fixed_point.h"
#include "pairs.h"

static int8_t sloped(const void *context, int32_t first, int32_t second) {
    const struct prelu *op = context;
    const int32_t value = first + op->first_offset;
    const int32_t scaled = value >= 0 ? requantise(value, op->multiplier, op->shift)
                                      : requantise(value * (second + op->second_offset),
                                                   op->below_multiplier, op->below_shift);
    return (int8_t)clamp(scaled + op->out_offset, INT8_MIN, INT8_MAX);
}

void prelu(const struct prelu *op, const int8_t *first, const int8_t *second, int8_t *out) {
    each_pair(&op->pairs, first, second, out, sloped, op);
}
