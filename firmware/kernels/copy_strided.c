/* Copies between places that are some way apart. */
#include <string.h>

#include "move.h"

void copy_strided(const struct copy_strided *op, const void *in, void *out) {
    const int32_t last = COPY_RANK - 1;
    const uint32_t run_b = (uint32_t)op->run_b;
    const uint8_t *from = (const uint8_t *)in + op->in_start;
    uint8_t *to = (uint8_t *)out + op->out_start;
    int32_t at[COPY_RANK] = {0};
    for (;;) {
        for (int32_t i = 0; i < op->shape[last]; i++) {
            if (run_b == 1) {
                to[i * op->out_stride[last]] = from[i * op->in_stride[last]];
            } else {
                memcpy(to + i * op->out_stride[last], from + i * op->in_stride[last], run_b);
            }
        }
        int32_t dimension = last - 1;
        for (; dimension >= 0; dimension--) {
            from += op->in_stride[dimension];
            to += op->out_stride[dimension];
            if (++at[dimension] < op->shape[dimension]) {
                break;
            }
            from -= op->in_stride[dimension] * at[dimension];
            to -= op->out_stride[dimension] * at[dimension];
            at[dimension] = 0;
        }
        if (dimension < 0) {
            return;
        }
    }
}
