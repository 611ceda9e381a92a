/* The loops of operators of two tensors of int16. */
#ifndef TINYBENCH_PAIRS_INT16_H
#define TINYBENCH_PAIRS_INT16_H

#include "fixed_point.h"
#include "int16.h"

/* Result for two values; `op` is the operator's struct. */
typedef int32_t pair_function(const void *op, int32_t first, int32_t second);

static inline __attribute__((always_inline)) void
each_pair_int16(const struct pairs *pairs, const void *first, const void *second, void *out,
                pair_function *function, const void *op) {
    short_int *result = out;
    int32_t at[PAIRS_RANK];
    for (at[0] = 0; at[0] < pairs->shape[0]; at[0]++) {
        for (at[1] = 0; at[1] < pairs->shape[1]; at[1]++) {
            for (at[2] = 0; at[2] < pairs->shape[2]; at[2]++) {
                const short_int *a = first;
                const short_int *b = second;
                for (int32_t i = 0; i < PAIRS_RANK - 1; i++) {
                    a += at[i] * pairs->first_stride[i];
                    b += at[i] * pairs->second_stride[i];
                }
                for (at[3] = 0; at[3] < pairs->shape[3]; at[3]++) {
                    *result++ = (int16_t)function(op, *a, *b);
                    a += pairs->first_stride[3];
                    b += pairs->second_stride[3];
                }
            }
        }
    }
}

#endif
