/* Quotient of two tensors, either of them stretched, in plain C. */
#include "pairs.h"
#include "reciprocal.h"

static int8_t of(const void *context, int32_t first, int32_t second) {
    const struct quotient *op = context;
    int32_t above = first + op->first_offset;
    int32_t below = second + op->second_offset;
    if (above == 0) {
        return (int8_t)clamp(op->out_offset, op->out_min, op->out_max);
    }
    if (below == 0) {
        return (int8_t)(above < 0 ? op->out_min : op->out_max);
    }
    if (below < 0) {
        above = -above;
        below = -below;
    }
    const int32_t zeros = __builtin_clz((uint32_t)below);
    const int32_t fraction = (int32_t)(((uint32_t)below << zeros) - (1u << 31));
    const int32_t head_room = __builtin_clrsb(above);
    const int32_t product = rounding_doubling_high_mul((int32_t)((uint32_t)above << head_room),
                                                       reciprocal_of_one_plus(fraction));
    const int32_t right = 31 - zeros + head_room - op->shift;
    const int32_t scaled = rounding_doubling_high_mul(product, op->multiplier);
    const int32_t value = right > 31 ? 0 : rounding_divide_by_pot(scaled, right);
    return (int8_t)clamp(value + op->out_offset, op->out_min, op->out_max);
}

void quotient(const struct quotient *op, const int8_t *first, const int8_t *second, int8_t *out) {
    each_pair(&op->pairs, first, second, out, of, op);
}
