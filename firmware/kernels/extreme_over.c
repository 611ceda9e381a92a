/* The greatest or the least value along axes, in plain C. */
#include "reduce.h"

static int32_t found(const struct extreme_over *op, const int8_t *in) {
    int32_t best = op->first;
    for (int32_t i = 0; i < op->reduced[0]; i++) {
        for (int32_t j = 0; j < op->reduced[1]; j++) {
            const int8_t *value = in + i * op->reduced_stride[0] + j * op->reduced_stride[1];
            for (int32_t k = 0; k < op->reduced[2]; k++, value += op->reduced_stride[2]) {
                if (op->least ? *value < best : *value > best) {
                    best = *value;
                }
            }
        }
    }
    return best;
}

void extreme_over(const struct extreme_over *op, const int8_t *in, int8_t *out) {
    for (int32_t i = 0; i < op->kept[0]; i++) {
        for (int32_t j = 0; j < op->kept[1]; j++) {
            for (int32_t k = 0; k < op->kept[2]; k++) {
                *out++ = (int8_t)found(op, in + i * op->kept_stride[0] + j * op->kept_stride[1] +
                                               k * op->kept_stride[2]);
            }
        }
    }
}
