/* One float of all along some axes. */
#include <float.h>

#include "floats.h"

static float of_all(const struct reduce_float32 *op, const real *values) {
    float found = op->function == REDUCE_SUM        ? 0.0f
                  : op->function == REDUCE_GREATEST ? -FLT_MAX
                                                    : FLT_MAX;
    for (int32_t i = 0; i < op->reduced[0]; i++) {
        for (int32_t j = 0; j < op->reduced[1]; j++) {
            for (int32_t k = 0; k < op->reduced[2]; k++) {
                const float value = values[i * op->reduced_stride[0] + j * op->reduced_stride[1] +
                                           k * op->reduced_stride[2]];
                if (op->function == REDUCE_SUM) {
                    found += value;
                } else if (op->function == REDUCE_GREATEST ? value > found : value < found) {
                    found = value;
                }
            }
        }
    }
    return op->count == 1 ? found : found / (float)op->count;
}

void reduce_float32(const struct reduce_float32 *op, const void *in, void *out) {
    const real *values = in;
    real *result = out;
    for (int32_t i = 0; i < op->kept[0]; i++) {
        for (int32_t j = 0; j < op->kept[1]; j++) {
            for (int32_t k = 0; k < op->kept[2]; k++) {
                *result++ = of_all(op, values + i * op->kept_stride[0] + j * op->kept_stride[1] +
                                           k * op->kept_stride[2]);
            }
        }
    }
}
