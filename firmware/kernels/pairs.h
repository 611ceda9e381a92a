/* The loops of operators of two tensors. */
#ifndef TINYBENCH_PAIRS_H
#define TINYBENCH_PAIRS_H

#include "elementwise.h"

/* Result for two values; `op` is the operator's struct. */
typedef int8_t pair_function(const void *op, int32_t first, int32_t second);

/* Inlined, so that the function is, too. */
static inline __attribute__((always_inline)) void
each_pair(const struct pairs *pairs, const int8_t *first, const int8_t *second, int8_t *out,
          pair_function *function, const void *op) {
    const int32_t last = PAIRS_RANK - 1;
    int32_t at[PAIRS_RANK] = {0};
    for (;;) {
        const int8_t *a = first;
        const int8_t *b = second;
        for (int32_t i = 0; i < pairs->shape[last]; i++) {
            *out++ = function(op, *a, *b);
            a += pairs->first_stride[last];
            b += pairs->second_stride[last];
        }
        int32_t dimension = last - 1;
        for (; dimension >= 0; dimension--) {
            first += pairs->first_stride[dimension];
            second += pairs->second_stride[dimension];
            if (++at[dimension] < pairs->shape[dimension]) {
                break;
            }
            first -= pairs->first_stride[dimension] * at[dimension];
            second -= pairs->second_stride[dimension] * at[dimension];
            at[dimension] = 0;
        }
        if (dimension < 0) {
            return;
        }
    }
}

#endif
