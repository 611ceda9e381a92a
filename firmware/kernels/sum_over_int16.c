/* Sum or mean of int16 along axes. */
#include "fixed_point.h"
#include "int16.h"

static int32_t sum(const struct sum_over *op, const short_int *in) {
    int32_t total = 0;
    for (int32_t i = 0; i < op->reduced[0]; i++) {
        for (int32_t j = 0; j < op->reduced[1]; j++) {
            const short_int *value = in + i * op->reduced_stride[0] + j * op->reduced_stride[1];
            for (int32_t k = 0; k < op->reduced[2]; k++, value += op->reduced_stride[2]) {
                total += *value;
            }
        }
    }
    return total;
}

void sum_over_int16(const struct sum_over *op, const void *in, void *out) {
    const short_int *values = in;
    short_int *result = out;
    for (int32_t i = 0; i < op->kept[0]; i++) {
        for (int32_t j = 0; j < op->kept[1]; j++) {
            for (int32_t k = 0; k < op->kept[2]; k++) {
                const int32_t first =
                    i * op->kept_stride[0] + j * op->kept_stride[1] + k * op->kept_stride[2];
                const int32_t value =
                    requantise(sum(op, values + first) + op->in_offset, op->multiplier, op->shift);
                *result++ = (int16_t)clamp(value + op->out_offset, INT16_MIN, INT16_MAX);
            }
        }
    }
}
