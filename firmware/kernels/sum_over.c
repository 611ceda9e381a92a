/* Sum or mean along axes in plain C. */
#include "fixed_point.h"
#include "reduce.h"

static int32_t sum(const struct sum_over *op, const int8_t *in) {
    int32_t total = 0;
    for (int32_t i = 0; i < op->reduced[0]; i++) {
        for (int32_t j = 0; j < op->reduced[1]; j++) {
            const int8_t *value = in + i * op->reduced_stride[0] + j * op->reduced_stride[1];
            for (int32_t k = 0; k < op->reduced[2]; k++, value += op->reduced_stride[2]) {
                total += *value;
            }
        }
    }
    return total;
}

void sum_over(const struct sum_over *op, const int8_t *in, int8_t *out) {
    for (int32_t i = 0; i < op->kept[0]; i++) {
        for (int32_t j = 0; j < op->kept[1]; j++) {
            for (int32_t k = 0; k < op->kept[2]; k++) {
                const int8_t *first =
                    in + i * op->kept_stride[0] + j * op->kept_stride[1] + k * op->kept_stride[2];
                const int32_t value =
                    requantise(sum(op, first) + op->in_offset, op->multiplier, op->shift);
                *out++ = (int8_t)clamp(value + op->out_offset, INT8_MIN, INT8_MAX);
            }
        }
    }
}
