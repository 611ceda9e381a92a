/* One of two tensors by a third, any of them stretched, in plain C. */
#include <string.h>

#include "elementwise.h"

void choose(const struct choose *op, const void *which, const void *first, const void *second,
            void *out) {
    uint8_t *to = out;
    int32_t at[PAIRS_RANK];
    for (at[0] = 0; at[0] < op->shape[0]; at[0]++) {
        for (at[1] = 0; at[1] < op->shape[1]; at[1]++) {
            for (at[2] = 0; at[2] < op->shape[2]; at[2]++) {
                for (at[3] = 0; at[3] < op->shape[3]; at[3]++) {
                    int32_t w = 0;
                    int32_t a = 0;
                    int32_t b = 0;
                    for (int32_t i = 0; i < PAIRS_RANK; i++) {
                        w += at[i] * op->which_stride[i];
                        a += at[i] * op->first_stride[i];
                        b += at[i] * op->second_stride[i];
                    }
                    const uint8_t *from = ((const uint8_t *)which)[w] != 0
                                              ? (const uint8_t *)first + a * op->width_b
                                              : (const uint8_t *)second + b * op->width_b;
                    memcpy(to, from, (uint32_t)op->width_b);
                    to += op->width_b;
                }
            }
        }
    }
}
