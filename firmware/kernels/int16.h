/* Operators on int16, with weights of int8, in plain C: bit-exact with the TFLM reference kernels.
 *
 * Zero points are 0. Parameters are as in kernels.h; `out` shares no memory with `in` unless an
 * operator works element by element.
 */
#ifndef TINYBENCH_INT16_H
#define TINYBENCH_INT16_H

#include "elementwise.h"
#include "reduce.h"

/* Tensors lie in memory declared as bytes, aligned to 8. */
typedef int16_t __attribute__((may_alias)) short_int;

/* 1 / (1 + exp(-x)) in steps of 2^-15, for x in steps of 2^-12 / 3. */
int32_t sigmoid_int16(int32_t x);

/* tanh(x), likewise. */
int32_t tanh_int16(int32_t x);

/* Output stage of one channel: (sum + bias) * multiplier / 2^shift, rounded; or, where biases are
 * of 32 bits, as of `struct channel`. */
struct channel_int16 {
    int64_t bias;
    int32_t multiplier;
    int32_t shift;
};

/* Convolution, in groups of channels, as `conv_2d_float32`. */
struct conv_2d_int16 {
    const int8_t *weights; /* [out_c][kernel_h][kernel_w][filter_c] */
    const struct channel_int16 *channels;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t dilation_h, dilation_w;
    int32_t filter_c, group_c;
    int32_t narrow; /* whether biases are of 32 bits */
    int32_t out_min, out_max;
};
void conv_2d_int16(const struct conv_2d_int16 *op, const void *in, void *out);

struct transpose_conv_int16 {
    const int8_t *weights; /* [out_c][kernel_h][kernel_w][in_c] */
    const struct channel_int16 *channels;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t narrow;
    int32_t out_min, out_max;
};
void transpose_conv_int16(const struct transpose_conv_int16 *op, const void *in, void *out);

/* The mean of a window, or its greatest value, of what lies inside the image. */
struct pool_2d_int16 {
    int32_t in_h, in_w;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t mean;
    int32_t out_min, out_max;
};
void pool_2d_int16(const struct pool_2d_int16 *op, const void *in, void *out);

/* Product of two tensors, either stretched. */
struct mul_int16 {
    struct pairs pairs;
    int32_t multiplier, shift;
    int32_t out_min, out_max;
};
void mul_int16(const struct mul_int16 *op, const void *first, const void *second, void *out);

/* Sum, or the difference where `sign` is -1. */
struct weighted_sum_int16 {
    struct pairs pairs;
    int32_t sign;
    int32_t first_multiplier, first_right_shift;
    int32_t second_multiplier, second_right_shift;
    int32_t out_multiplier, out_right_shift;
    int32_t out_min, out_max;
};
void weighted_sum_int16(const struct weighted_sum_int16 *op, const void *first, const void *second,
                        void *out);

/* The greater of two values, or the less where `least`. */
struct extreme_int16 {
    struct pairs pairs;
    int32_t least;
};
void extreme_int16(const struct extreme_int16 *op, const void *first, const void *second,
                   void *out);

/* A value times one number, below zero times another one that `below_sign` is the sign of. */
struct bent_int16 {
    int32_t count;
    int32_t multiplier, shift;
    int32_t below_multiplier, below_shift, below_sign;
    int32_t out_max;
};
void bent_int16(const struct bent_int16 *op, const void *in, void *out);

/* Sum, scaled, as `sum_over` of int8. */
void sum_over_int16(const struct sum_over *op, const void *in, void *out);

/* The square of a difference, both values as they are. */
struct squared_difference_int16 {
    struct pairs pairs;
    int32_t first_multiplier, first_right_shift;
    int32_t second_multiplier, second_right_shift;
    int32_t multiplier, shift;
};
void squared_difference_int16(const struct squared_difference_int16 *op, const void *first,
                              const void *second, void *out);

/* A sigmoid, or tanh where `tanh`; `multiplier` / `2^right_shift` leads to steps of 2^-12 / 3. */
struct curve_int16 {
    int32_t count, tanh;
    int32_t multiplier, right_shift;
};
void curve_int16(const struct curve_int16 *op, const void *in, void *out);

/* Softmax over rows, by lines between the values of two tables. */
struct softmax_int16 {
    const int16_t *exponentials; /* [513]: exp of -10 .. 0 */
    const int16_t *reciprocals;  /* [513]: 1 / (1 + x) of 0 .. 1 */
    int32_t rows, classes;
    int32_t multiplier, shift; /* of a difference, so that -65535 is -10 */
};
void softmax_int16(const struct softmax_int16 *op, const void *in, void *out);

/* Integers of some bytes each in another scale. */
struct rescale {
    int32_t count, in_b, out_b; /* 1, 2 or 4 */
    int32_t in_zero_point, out_zero_point;
    int32_t in_most; /* further from the zero point is the same as that */
    int32_t multiplier, shift;
    int32_t out_min, out_max;
};
void rescale(const struct rescale *op, const void *in, void *out);

/* What lies between int16 and floats, as `quantize` and `dequantize`. */
struct quantize_int16 {
    int32_t count;
    float scale;
};
void quantize_int16(const struct quantize_int16 *op, const void *in, void *out);

struct dequantize_int16 {
    int32_t count;
    float scale;
};
void dequantize_int16(const struct dequantize_int16 *op, const void *in, void *out);

#endif
