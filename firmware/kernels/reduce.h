/* Operators that make one value of several; parameters as in kernels.h. */
#ifndef TINYBENCH_REDUCE_H
#define TINYBENCH_REDUCE_H

#include <stdint.h>

/* Loops over what is kept, each over what is reduced to one value. */
#define REDUCE_RANK 3

/* Sum, scaled: a mean where the number of values is in the multiplier. */
struct sum_over {
    int32_t kept[REDUCE_RANK], kept_stride[REDUCE_RANK];
    int32_t reduced[REDUCE_RANK], reduced_stride[REDUCE_RANK];
    int32_t in_offset; /* of the whole sum */
    int32_t multiplier, shift;
    int32_t out_offset;
};
void sum_over(const struct sum_over *op, const int8_t *in, int8_t *out);

/* The greatest value, or the least; `first` is none of them. */
struct extreme_over {
    int32_t kept[REDUCE_RANK], kept_stride[REDUCE_RANK];
    int32_t reduced[REDUCE_RANK], reduced_stride[REDUCE_RANK];
    int32_t first, least;
};
void extreme_over(const struct extreme_over *op, const int8_t *in, int8_t *out);

/* The greatest value of a window, of what lies inside the image. */
struct max_pool_2d {
    int32_t in_h, in_w;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t out_min, out_max;
};
void max_pool_2d(const struct max_pool_2d *op, const int8_t *in, int8_t *out);

/* Where along an axis the greatest value is, or the least, as int32; the first of equal ones. */
struct arg_max {
    int32_t outer, count, inner;
    int32_t least;
};
void arg_max(const struct arg_max *op, const int8_t *in, void *out);

/* Products of matrices, one after the other; either may be the same one along dimensions where its
 * step is 0. All steps are in elements; offsets are added to values. */
struct batch_matmul {
    int32_t batches[3], first_batch[3], second_batch[3];
    int32_t rows, columns, depth;
    int32_t first_row, first_depth, second_column, second_depth;
    int32_t first_offset, second_offset, out_offset;
    int32_t multiplier, shift;
};
void batch_matmul(const struct batch_matmul *op, const int8_t *first, const int8_t *second,
                  int8_t *out);

/* Rows by their length; outputs have the scale 1/128 and the zero point 0. */
struct l2_normalization {
    int32_t rows, count;
    int32_t in_offset;
};
void l2_normalization(const struct l2_normalization *op, const int8_t *in, int8_t *out);

/* Between which pixels a row or column lies, and how far from the first, in 1/1024. */
struct between {
    int32_t low, high, part;
};

/* An image of another size, between four pixels each. */
struct resize_bilinear {
    const struct between *rows;    /* [out_h] */
    const struct between *columns; /* [out_w] */
    int32_t in_w, out_h, out_w, channel_count;
};
void resize_bilinear(const struct resize_bilinear *op, const int8_t *in, int8_t *out);

#endif
