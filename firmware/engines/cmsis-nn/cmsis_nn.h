/* Kernels with the parameters of our plain ones, done by CMSIS-NN. What begins each pixel or
 * channel is told apart: `biases`, `multipliers` and `shifts` (to the left where positive) of all
 * outputs. */
#ifndef CMSIS_NN_H
#define CMSIS_NN_H

#include <stdint.h>

struct cmsis_nn_conv_2d {
    const int8_t *weights; /* [out_c][kernel_h][kernel_w][in_c] */
    const int32_t *biases, *multipliers, *shifts;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t dilation_h, dilation_w;
    int32_t in_offset, out_offset;
    int32_t out_min, out_max;
    int32_t scratch_b;
};
void cmsis_nn_conv_2d(const struct cmsis_nn_conv_2d *op, const int8_t *in, int8_t *out,
                      void *scratch);

struct cmsis_nn_depthwise_conv_2d {
    const int8_t *weights; /* [kernel_h][kernel_w][out_c] */
    const int32_t *biases, *multipliers, *shifts;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t dilation_h, dilation_w;
    int32_t in_offset, out_offset;
    int32_t out_min, out_max;
    int32_t multiplier; /* outputs an input channel */
    int32_t scratch_b;
};
void cmsis_nn_depthwise_conv_2d(const struct cmsis_nn_depthwise_conv_2d *op, const int8_t *in,
                                int8_t *out, void *scratch);

struct cmsis_nn_average_pool_2d {
    int32_t in_h, in_w;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t out_min, out_max;
    int32_t scratch_b;
};
void cmsis_nn_average_pool_2d(const struct cmsis_nn_average_pool_2d *op, const int8_t *in,
                              int8_t *out, void *scratch);

struct cmsis_nn_max_pool_2d {
    int32_t in_h, in_w;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t out_min, out_max;
};
void cmsis_nn_max_pool_2d(const struct cmsis_nn_max_pool_2d *op, const int8_t *in, int8_t *out);

struct cmsis_nn_fully_connected {
    const int8_t *weights; /* [out_c][in_c] */
    const int32_t *biases;
    const int32_t *sums; /* of the weights of each output, times `in_offset`; 0: not wanted */
    int32_t multiplier, shift;
    int32_t in_c, out_c;
    int32_t in_offset, out_offset;
    int32_t out_min, out_max;
};
void cmsis_nn_fully_connected(const struct cmsis_nn_fully_connected *op, const int8_t *in,
                              int8_t *out);

struct cmsis_nn_softmax {
    int32_t rows, classes;
    int32_t multiplier, shift, least;
};
void cmsis_nn_softmax(const struct cmsis_nn_softmax *op, const int8_t *in, int8_t *out);

struct cmsis_nn_add {
    int32_t count;
    int32_t first_offset, first_multiplier, first_right_shift;
    int32_t second_offset, second_multiplier, second_right_shift;
    int32_t out_offset, out_multiplier, out_right_shift;
    int32_t out_min, out_max;
};
void cmsis_nn_add(const struct cmsis_nn_add *op, const int8_t *first, const int8_t *second,
                  int8_t *out);

struct cmsis_nn_mul {
    int32_t count;
    int32_t first_offset, second_offset;
    int32_t out_offset;
    int32_t multiplier, shift;
    int32_t out_min, out_max;
};
void cmsis_nn_mul(const struct cmsis_nn_mul *op, const int8_t *first, const int8_t *second,
                  int8_t *out);

#ifdef CMSIS_NN_PROBE
/* In a probe no kernel computes: each says how large a buffer CMSIS-NN wants of it. */
void cmsis_nn_wants(const void *op, int32_t buffer_b);
#endif

#endif
