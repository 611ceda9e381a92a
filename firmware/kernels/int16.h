/* What operators on int16 share: how they read tensors, and functions of int16. */
#ifndef TINYBENCH_INT16_H
#define TINYBENCH_INT16_H

#include <stdint.h>

/* Tensors lie in memory declared as bytes, aligned to 8. */
typedef int16_t __attribute__((may_alias)) short_int;

/* 1 / (1 + exp(-x)) in steps of 2^-15, for x in steps of 2^-12 / 3. */
int32_t sigmoid_int16(int32_t x);

/* tanh(x), likewise. */
int32_t tanh_int16(int32_t x);

#endif
