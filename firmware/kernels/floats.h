/* Operators on floats of single precision, in plain C and in the order of the TFLM reference
 * kernels: what adds and multiplies is equal to the bit; exponentials are our own (exponential.h),
 * the same on every core, with or without an FPU.
 *
 * `out` shares no memory with `in` unless an operator works element by element.
 */
#ifndef TINYBENCH_FLOATS_H
#define TINYBENCH_FLOATS_H

#include "elementwise.h"
#include "reduce.h"

/* Tensors lie in memory declared as bytes, aligned to 8. */
typedef float __attribute__((may_alias)) real;

/* Convolution, in groups of channels: a filter reads `filter_c` channels of the input, and each
 * `group_c` filters the next ones. A depthwise convolution has one channel a filter, a fully
 * connected layer one pixel a row. */
struct conv_2d_float32 {
    const float *weights; /* [out_c][kernel_h][kernel_w][filter_c] */
    const float *biases;  /* [out_c] */
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t dilation_h, dilation_w;
    int32_t filter_c, group_c;
    float out_min, out_max; /* limits of the fused activation */
};
void conv_2d_float32(const struct conv_2d_float32 *op, const void *in, void *out);

struct transpose_conv_float32 {
    const float *weights; /* [out_c][kernel_h][kernel_w][in_c] */
    const float *biases;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    float out_min, out_max;
};
void transpose_conv_float32(const struct transpose_conv_float32 *op, const void *in, void *out);

/* The mean of a window, its greatest value or the root of its squares' mean, of what lies inside
 * the image. */
enum { POOL_GREATEST, POOL_MEAN, POOL_SQUARES };
struct pool_2d_float32 {
    int32_t in_h, in_w;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t function;
    float out_min, out_max;
};
void pool_2d_float32(const struct pool_2d_float32 *op, const void *in, void *out);

/* A function of two tensors, either stretched. */
enum {
    PAIR_ADD,
    PAIR_SUB,
    PAIR_MUL,
    PAIR_MAXIMUM,
    PAIR_MINIMUM,
    PAIR_PRELU,
    PAIR_DIV,
    PAIR_SQUARED_DIFFERENCE,
    PAIR_FLOOR_DIV,
    PAIR_FLOOR_MOD,
    PAIR_POW
};
struct pairs_float32 {
    struct pairs pairs;
    int32_t function;
    float out_min, out_max;
};
void pairs_float32(const struct pairs_float32 *op, const void *first, const void *second,
                   void *out);

/* A function of one value; `alpha` is the slope of LEAKY_RELU. */
enum {
    MAP_RELU,
    MAP_RELU6,
    MAP_LEAKY_RELU,
    MAP_ELU,
    MAP_LOGISTIC,
    MAP_TANH,
    MAP_HARD_SWISH,
    MAP_RSQRT,
    MAP_EXP,
    MAP_LOG,
    MAP_SQRT,
    MAP_SQUARE,
    MAP_NEG,
    MAP_FLOOR,
    MAP_CEIL,
    MAP_ROUND,
    MAP_ABS,
    MAP_SIGN,
    MAP_SIN,
    MAP_COS,
    MAP_RELU_N1_TO_1,
    MAP_RELU_0_TO_1
};
struct map_float32 {
    int32_t count, function;
    float alpha;
};
void map_float32(const struct map_float32 *op, const void *in, void *out);

/* Products of matrices, one after the other; either may be the same one along dimensions where its
 * step is 0. All steps are in elements. */
struct batch_matmul_float32 {
    int32_t batches[3], first_batch[3], second_batch[3];
    int32_t rows, columns, depth;
    int32_t first_row, first_depth, second_column, second_depth;
};
void batch_matmul_float32(const struct batch_matmul_float32 *op, const void *first,
                          const void *second, void *out);

struct softmax_float32 {
    int32_t rows, classes;
    float beta;
};
void softmax_float32(const struct softmax_float32 *op, const void *in, void *out);

struct log_softmax_float32 {
    int32_t rows, classes;
};
void log_softmax_float32(const struct log_softmax_float32 *op, const void *in, void *out);

struct l2_normalization_float32 {
    int32_t rows, count;
};
void l2_normalization_float32(const struct l2_normalization_float32 *op, const void *in, void *out);

/* Sum, mean (where `count` is not 1) or extreme of all along some axes. */
enum { REDUCE_SUM, REDUCE_GREATEST, REDUCE_LEAST };
struct reduce_float32 {
    int32_t kept[REDUCE_RANK], kept_stride[REDUCE_RANK];
    int32_t reduced[REDUCE_RANK], reduced_stride[REDUCE_RANK];
    int32_t function, count;
};
void reduce_float32(const struct reduce_float32 *op, const void *in, void *out);

/* Where along an axis the greatest value is, or the least, as int32. */
void arg_max_float32(const struct arg_max *op, const void *in, void *out);

/* Between which pixels a row or column lies, and how far from the first. */
struct between_float32 {
    int32_t low, high;
    float part;
};
struct resize_bilinear_float32 {
    const struct between_float32 *rows;    /* [out_h] */
    const struct between_float32 *columns; /* [out_w] */
    int32_t in_w, out_h, out_w, channel_count;
};
void resize_bilinear_float32(const struct resize_bilinear_float32 *op, const void *in, void *out);

#endif
