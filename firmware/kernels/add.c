/* Sum of two tensors in plain C. */
#include "fixed_point.h"
#include "kernels.h"

/* Head room of the common scale, in bits. */
#define LEFT_SHIFT 20

void add(const struct add *op, const int8_t *first, const int8_t *second, int8_t *out) {
    for (int32_t i = 0; i < op->count; i++) {
        const int32_t a = requantise((first[i] + op->first_offset) * (1 << LEFT_SHIFT),
                                     op->first_multiplier, -op->first_right_shift);
        const int32_t b = requantise((second[i] + op->second_offset) * (1 << LEFT_SHIFT),
                                     op->second_multiplier, -op->second_right_shift);
        const int32_t value = requantise(a + b, op->out_multiplier, -op->out_right_shift);
        out[i] = (int8_t)clamp(value + op->out_offset, op->out_min, op->out_max);
    }
}
