/* Int8 operators with constant parameters, bit-exact with the TFLM reference kernels.
 *
 * The model compiler fills one parameter struct for each operator of a model and emits one call for
 * it; a kernel is named as its struct. Images are height x width x channels, channels innermost
 * (NHWC with N = 1), or, where a field says so, "planar": one plane of height x width after the
 * other. A kernel `..._blocked` is portable C, faster than the plain one; `..._dsp` needs the DSP
 * instructions of Armv7E-M or Armv8-M (Cortex-M4, M7, M33), `..._mve` the vector instructions of
 * Armv8.1-M (Cortex-M55).
 *
 * Kernels work pixel after pixel unless they say otherwise, so that `out` may begin in the memory
 * of `in`, as far before it as keeps what is still to be read; the model compiler knows how far
 * (models/compiler/overlap.py). Pixels whose windows are copied first may be written over them.
 */
#ifndef TINYBENCH_KERNELS_H
#define TINYBENCH_KERNELS_H

#include <stdint.h>

/* Output stage of one channel: int8 = (acc + bias) * multiplier * 2^(shift - 31), rounded twice. */
struct channel {
    int32_t bias;
    int32_t multiplier;
    int32_t shift; /* to the left where positive */
};

/* Two-dimensional convolution with padding by the input's zero point. */
struct conv_2d {
    const int8_t *weights; /* [out_c][kernel_h][kernel_w][in_c] */
    const struct channel *channels;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t in_offset; /* added to an input: minus its zero point */
    int32_t out_offset;
    int32_t out_min, out_max;       /* limits of the fused activation */
    int32_t dilation_h, dilation_w; /* pixels from a tap to the next */
};
void conv_2d(const struct conv_2d *op, const int8_t *in, int8_t *out);

/* The same, with filters of one channel each. */
struct depthwise_conv_2d {
    const int8_t *weights; /* [kernel_h][kernel_w][out_c] */
    const struct channel *channels;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t in_offset;
    int32_t out_offset;
    int32_t out_min, out_max;
    int32_t multiplier; /* outputs an input channel */
    int32_t dilation_h, dilation_w;
};
void depthwise_conv_2d(const struct depthwise_conv_2d *op, const int8_t *in, int8_t *out);

/* Transposed convolution: each input pixel adds its filters to a window of the output, which begins
 * `pad_...` before it. */
struct transpose_conv {
    const int8_t *weights; /* [out_c][kernel_h][kernel_w][in_c] */
    const struct channel *channels;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t in_offset;
    int32_t out_offset;
    int32_t out_min, out_max;
};
void transpose_conv(const struct transpose_conv *op, const int8_t *in, int8_t *out);

/* Mean over a window, of what lies inside the image. A pixel is `..._pixel_stride` bytes from the
 * next, a channel `..._channel_stride`, so that both layouts of an image will do. */
struct average_pool_2d {
    int32_t in_h, in_w;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t in_pixel_stride, in_channel_stride;
    int32_t out_pixel_stride, out_channel_stride;
    int32_t out_min, out_max;
};
void average_pool_2d(const struct average_pool_2d *op, const int8_t *in, int8_t *out);

struct fully_connected {
    const int8_t *weights; /* [out_c][in_c] */
    const struct channel *channels;
    int32_t in_c, out_c;
    int32_t in_offset;
    int32_t out_offset;
    int32_t out_min, out_max;
};
void fully_connected(const struct fully_connected *op, const int8_t *in, int8_t *out);

/* Softmax over rows; outputs have the scale 1/256 and the zero point -128. */
struct softmax {
    const int32_t *exponentials; /* [256]: exp of minus 0 .. 255 input steps, fractions of 2^31 */
    int32_t rows, classes;
};
void softmax(const struct softmax *op, const int8_t *in, int8_t *out);
/* The same; outputs of int16 have the scale 1/65536 and the zero point -32768. */
void softmax_to_int16(const struct softmax *op, const int8_t *in, void *out);

/* Sum of two tensors of one shape. Each `..._offset` is added to values, the
 * rest scales them. */
struct add {
    int32_t count;
    int32_t first_offset, first_multiplier, first_right_shift;
    int32_t second_offset, second_multiplier, second_right_shift;
    int32_t out_offset, out_multiplier, out_right_shift;
    int32_t out_min, out_max;
};
void add(const struct add *op, const int8_t *first, const int8_t *second, int8_t *out);

/* Output stage of one channel in the DSP kernels: with x = high word of
 * (bias_x2 + 2 * acc) * multiplier, rounded, int8 = (x + rounding) >> right_shift. The input's zero
 * point is in the bias, the output's in the rounding. */
struct channel_dsp {
    int32_t bias_x2;
    int32_t multiplier;
    int32_t rounding;
    int32_t right_shift;
};

/* Convolution, three pixels by two channels at a time. `scratch` holds 24 bytes a group of four
 * taps, then 4 bytes a group where the window is not one pixel of a multiple of four channels, and
 * 4 more where a row of it is no whole number of words. Three windows are copied first. Between
 * planes `out` may be just `in`, and otherwise nowhere in it. */
struct conv_2d_dsp {
    const int8_t *weights; /* [out_c / 2][groups][8], filled up with zeros: two channels in a word
                              (models/compiler/dsp/halves.py), taps 0 and 2, then 1 and 3 */
    const struct channel_dsp *channels;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t groups; /* of four taps in a window */
    int32_t in_zero_point;
    int32_t in_planar;  /* only where a window is one pixel */
    int32_t in_plane_h; /* of a plane, whose first in_h rows are convolved */
    int32_t out_pixel_stride, out_channel_stride;
    int32_t exact_negatives; /* whether a half below zero is not clamped away anyway */
    int32_t out_min, out_max;
    int32_t kept_at; /* where in `scratch` there is room for channels and weights, or 0 for none:
                        the flash is read but once then */
    /* Of `conv_2d_any_dsp` alone: */
    const struct channel *wide; /* in place of `channels`, where these would not be exact */
    int32_t out_offset;
    int32_t dilation_h, dilation_w;
    int32_t apart; /* weights stand for themselves: channel 1, then channel 0, tap by tap */
};
void conv_2d_dsp(const struct conv_2d_dsp *op, const int8_t *in, int8_t *out, void *scratch);
/* The same where halves below zero matter. */
void conv_2d_exact_dsp(const struct conv_2d_dsp *op, const int8_t *in, int8_t *out, void *scratch);
/* The same with taps that may be apart, and for all scales. `scratch` holds 4 bytes a group in any
 * case. */
void conv_2d_any_dsp(const struct conv_2d_dsp *op, const int8_t *in, int8_t *out, void *scratch);

/* Convolution 3x3 of stride 1 by Winograd's F(2x2, 3x3), two tiles of 2x2 outputs by four channels
 * at a time. `scratch` holds 128 bytes a pair of input channels. Of what a tile overwrites, two
 * pixels of at most CONV_3X3_IN_PLACE_MAX channels are kept for the next: `out` may begin just a
 * row before `in` where both are of one shape, padded by one on all sides. Up to three bytes behind
 * `in` are read where a pixel is no whole number of words. */
#define CONV_3X3_IN_PLACE_MAX 160
struct conv_3x3_dsp {
    const int16_t *weights; /* [out_c / 4][16 positions][pairs][4 channels][2], filled up with
                               zeros: input channels 0 and 2, then 1 and 3 of each four */
    const struct channel_dsp *channels;
    const int8_t *outside; /* a pixel of zero points, in whole words */
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t pad_top, pad_left;
    int32_t pairs; /* of input channels, an even number */
    int32_t exact_negatives;
    int32_t out_min, out_max;
};
void conv_3x3_dsp(const struct conv_3x3_dsp *op, const int8_t *in, int8_t *out, void *scratch);

/* Fully connected layer, eight channels at a time, and few by rows. */
struct fully_connected_dsp {
    const int8_t *weights; /* [in_eights / 8][in_c / 4][4][8], filled up with zeros: two channels in
                              a word (models/compiler/dsp/halves.py), inputs 0 and 2, then 1 and 3;
                              then, aligned to words, [out_c - in_eights][in_c], a row filled up
                              with zeros to whole words */
    const struct channel_dsp *channels; /* or, where channels differ in their biases only: */
    const int32_t *biases_x2;
    int32_t multiplier, rounding, right_shift;
    int32_t in_c, out_c;
    int32_t in_eights; /* channels that are computed so; the last eight need not be whole */
    int32_t exact_negatives;
    int32_t out_min, out_max;
    /* Of `fully_connected_any_dsp` alone: */
    const struct channel *wide; /* in place of `channels`, where these would not be exact */
    int32_t out_offset;
};
void fully_connected_dsp(const struct fully_connected_dsp *op, const int8_t *in, int8_t *out);
/* The same for all scales. */
void fully_connected_any_dsp(const struct fully_connected_dsp *op, const int8_t *in, int8_t *out);

/* Depthwise 3x3 convolution of planar images of stride 1 or 2, at least two by two outputs, clamped
 * to int8 alone, the zero point being the least of it. `scratch` holds plane_h * plane_w int8. Each
 * plane is copied before one is written. A channel's bias is times a power of two, 2 to 8, that
 * stands in the place of the right shift, which is the same for all; no half is added for
 * `multiplier`. */
#define DEPTHWISE_3X3_DSP_SHIFT 10
struct depthwise_3x3_dsp {
    const int8_t *weights; /* [channel][12]: w00 w01 w02 w11, w10 w21 w12 0, w20 0 w22 0 */
    const struct channel_dsp *channels;
    int32_t in_h, in_w;
    int32_t out_h, out_w;
    int32_t in_channel_stride, out_channel_stride;
    int32_t channel_count;
    int32_t stride;
    int32_t pad_top, pad_left;
    int32_t plane_h, plane_w; /* one plane with its border; plane_w is a multiple of four */
    int32_t in_zero_point;
};
void depthwise_3x3_dsp(const struct depthwise_3x3_dsp *op, const int8_t *in, int8_t *out,
                       void *scratch);
/* The same with channels as in other kernels. */
void depthwise_3x3_any_dsp(const struct depthwise_3x3_dsp *op, const int8_t *in, int8_t *out,
                           void *scratch);

/* Depthwise convolution of any window and multiplier, a channel at a time. Either side of an image
 * may be its "width": the one along which taps come in pairs. Taps that are `dilation_w` apart are
 * side by side in a plane of every so many columns; `phases` such planes see all outputs, each
 * begins `phase_step` columns after the one before. `scratch` holds the weights of a channel and
 * plane_h * plane_w int16. Each plane is copied before it is convolved. */
struct depthwise_conv_2d_dsp {
    const int8_t *weights; /* [channel][kernel_h][pairs][2], rows filled up with a zero */
    const struct channel_dsp *channels;
    const struct channel *wide; /* in place of `channels`, where these would not be exact */
    int32_t in_c, in_h, in_w;
    int32_t in_channel_stride, in_y_stride, in_x_stride;
    int32_t out_h, out_w;
    int32_t out_channel_stride, out_y_stride, out_x_stride;
    int32_t multiplier;
    int32_t kernel_h, kernel_w, pairs;
    int32_t stride_h, stride_w; /* in the plane */
    int32_t dilation_h, dilation_w;
    int32_t phases, phase_step;
    int32_t pad_top, pad_left;
    int32_t plane_h, plane_w; /* plane_w is even */
    int32_t in_zero_point;
    int32_t exact_negatives;
    int32_t out_offset; /* only with `wide` */
    int32_t out_min, out_max;
};
void depthwise_conv_2d_dsp(const struct depthwise_conv_2d_dsp *op, const int8_t *in, int8_t *out,
                           void *scratch);

/* Depthwise convolution along one side of an image, of a step of one, with at least four channels,
 * innermost in memory; each line of them is for itself. Nothing is clamped but to int8, and no
 * right shift is 0. `scratch` holds pairs of weights and of a line, of four channels.
 * A line is read before it is written. */
#define DEPTHWISE_LINE_CHANNELS 4
struct depthwise_line_dsp {
    const int8_t *weights; /* [fours of channels][pairs + 1][4], behind the taps filled up with
                              zeros; the last four may overlap */
    const struct channel_dsp *channels;
    int32_t channel_count;
    int32_t lines;
    int32_t in_length, out_length; /* of a line; what is read of it */
    int32_t in_step_b, out_step_b; /* from a pixel to that beside it in a line */
    int32_t in_line_b, out_line_b; /* from a line to the next */
    int32_t before;                /* pixels of the border */
    int32_t pairs;                 /* of weights: 2, 4 or sixes, as many as taps but for one */
    int32_t in_pairs;              /* of a line with its border */
    int32_t in_zero_point;
};
void depthwise_line_dsp(const struct depthwise_line_dsp *op, const int8_t *in, int8_t *out,
                        void *scratch);

/* Depthwise convolution of at least four channels, innermost in memory, four at a time; taps
 * outside the image are left out, and biases are without the input's zero point. `scratch` holds
 * the windows of so many outputs, or of all if there are fewer, which are written together. */
#define DEPTHWISE_DIRECT_OUTPUTS 16
#define DEPTHWISE_DIRECT_WINDOW_B 24
struct depthwise_direct {
    const int8_t *weights; /* [fours of channels][kernel_h][kernel_w][4]; the last may overlap */
    const struct channel_dsp *channels;
    int32_t channel_count;
    int32_t in_h, in_w;
    int32_t out_h, out_w;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t dilation_h, dilation_w;
    int32_t next_row, next_column; /* bytes from a tap to that below, and beside it */
    int32_t in_zero_point;
    int32_t exact_negatives; /* of `depthwise_direct_dsp` alone: the other is exact always */
    int32_t out_min, out_max;
};
void depthwise_direct_dsp(const struct depthwise_direct *op, const int8_t *in, int8_t *out,
                          void *scratch);
/* The same in portable C. */
void depthwise_direct_blocked(const struct depthwise_direct *op, const int8_t *in, int8_t *out,
                              void *scratch);

/* Convolution, two pixels by four channels at a time. The channels of the output stage are in
 * fours: biases with the input's zero point folded in, multipliers, roundings with the output's
 * zero point, and right shifts below zero. `scratch` holds two windows of whole blocks, which are
 * copied first. */
struct conv_2d_mve {
    const int8_t *weights;   /* [out_c / 4][blocks][4][16], filled up with zeros */
    const int32_t *channels; /* [out_c / 4][4][4] */
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t blocks;    /* of 16 taps in a window */
    int32_t pointwise; /* whether window and step are one pixel */
    int32_t in_zero_point;
    int32_t exact_negatives; /* whether a half below zero is not clamped away anyway */
    int32_t out_min, out_max;
};
void conv_2d_mve(const struct conv_2d_mve *op, const int8_t *in, int8_t *out, void *scratch);

/* Convolution with taps that may be apart, for all scales, four channels of a pixel at a time.
 * `scratch` holds a window of whole blocks. In `channels` each four are: biases with the input's
 * zero point folded in, multipliers, shifts to the left, and shifts to the right below zero. */
struct conv_2d_any_mve {
    const int8_t *weights;   /* as of `conv_2d_mve` */
    const int32_t *channels; /* [out_c / 4][4][4] */
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t dilation_h, dilation_w;
    int32_t blocks; /* of 16 taps in a window */
    int32_t in_zero_point, out_offset;
    int32_t out_min, out_max;
};
void conv_2d_any_mve(const struct conv_2d_any_mve *op, const int8_t *in, int8_t *out,
                     void *scratch);

/* Depthwise convolution of any window and multiplier, eight channels of a pixel at a time. In
 * `channels` the four even ones of eight come before the odd ones, each as of `conv_2d_any_mve`,
 * but without the input's zero point. */
struct depthwise_conv_2d_mve {
    const int8_t *weights;   /* [kernel_h][kernel_w][out_c filled up to eights] */
    const int32_t *channels; /* [out_c / 8][2][4][4] */
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t multiplier;
    int32_t dilation_h, dilation_w;
    int32_t in_offset, out_offset;
    int32_t out_min, out_max;
};
void depthwise_conv_2d_mve(const struct depthwise_conv_2d_mve *op, const int8_t *in, int8_t *out);

/* Fully connected layer, with the weights and the output stage of `conv_2d_mve`. */
struct fully_connected_mve {
    const int8_t *weights;
    const int32_t *channels;
    int32_t in_c, out_c;
    int32_t exact_negatives;
    int32_t out_min, out_max;
};
void fully_connected_mve(const struct fully_connected_mve *op, const int8_t *in, int8_t *out);

/* Convolution in portable C, two pixels by three channels at a time. `scratch` holds a word a tap,
 * both pixels of it, which are copied first. */
struct conv_2d_blocked {
    const int8_t *weights;              /* [out_c / 3][taps / 2][3][2], filled up with zeros */
    const struct channel_dsp *channels; /* filled up to threes */
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t taps; /* of a window, filled up to fours */
    int32_t in_zero_point;
    int32_t pointwise; /* each pixel is its own window */
    int32_t out_min, out_max;
    int32_t folded; /* one product makes an output (models/compiler/output_stage.py), and all of
                       int8 is within the limits */
    /* Of `conv_2d_any_blocked` alone: */
    const struct channel *wide;
    int32_t out_offset;
    int32_t dilation_h, dilation_w;
};
void conv_2d_blocked(const struct conv_2d_blocked *op, const int8_t *in, int8_t *out,
                     void *scratch);
/* The same with taps that may be apart, and for all scales; weights are [out_c / 3][taps][3],
 * `taps` as many as there are, and `scratch` holds two windows of int8. */
void conv_2d_any_blocked(const struct conv_2d_blocked *op, const int8_t *in, int8_t *out,
                         void *scratch);
/* The same on RV32IM, four pixels by six channels at a time; sums without biases are of 24 bits.
 * Weights are [taps][channels] of each six channels, and of four, two and one of the last, `taps`
 * filled up to an even number. The biases are 128 times the weights less. */
void conv_2d_rv32(const struct conv_2d_blocked *op, const int8_t *in, int8_t *out, void *scratch);
/* The same on Thumb-2, by two channels and one of the last. */
void conv_2d_thumb2(const struct conv_2d_blocked *op, const int8_t *in, int8_t *out, void *scratch);

/* Fully connected layer in portable C, six channels at a time, and few by rows. */
struct fully_connected_blocked {
    const int8_t *weights; /* [in_sixes / 6][in_c][6], filled up with zeros; then
                              [out_c - in_sixes][in_c] */
    const struct channel_dsp *channels;
    int32_t in_c, out_c;
    int32_t in_sixes; /* channels that are computed so; the last six need not be whole */
    int32_t out_min, out_max;
    /* Of `fully_connected_any_blocked` alone: */
    const struct channel *wide; /* in place of `channels`, where these would not be exact */
    int32_t out_offset;
};
void fully_connected_blocked(const struct fully_connected_blocked *op, const int8_t *in,
                             int8_t *out);
/* The same for all scales. */
void fully_connected_any_blocked(const struct fully_connected_blocked *op, const int8_t *in,
                                 int8_t *out);
/* The same on RV32IM, sixteen channels at a time; sums without biases are of 24 bits. Weights are
 * [out_c / 16][in_c][16], then [4][in_c][4] as far as there are, filled up with zeros; of four the
 * first three are 128 more than they are. */
void fully_connected_rv32(const struct fully_connected_blocked *op, const int8_t *in, int8_t *out);

/* Sum of two tensors in portable C, the one with the greater scale first. With the head room of 20
 * bits, the first counts half; the second is scaled and shifted, then the sum, with the zero point
 * of the output in its rounding. */
struct add_blocked {
    int32_t count;
    int32_t first_offset; /* added to a value: minus its zero point */
    int32_t second_offset, second_multiplier, second_rounding, second_right_shift;
    int32_t out_multiplier, out_rounding, out_right_shift;
    int32_t out_min, out_max;
};
void add_blocked(const struct add_blocked *op, const int8_t *first, const int8_t *second,
                 int8_t *out);

/* Depthwise 3x3 convolution in portable C, channels innermost, any vertical stride, horizontal
 * stride 1 or 2. `scratch` holds plane_h * plane_w int8. `out` may be just `in` where both have the
 * same size, and otherwise nowhere in it. */
struct depthwise_3x3_blocked {
    const int8_t *weights; /* [channel][3][3] */
    const struct channel_dsp *channels;
    int32_t in_h, in_w;
    int32_t out_h, out_w;
    int32_t channel_count;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t plane_h, plane_w; /* one plane with its border */
    int32_t in_zero_point;
    int32_t out_min, out_max;
};
void depthwise_3x3_blocked(const struct depthwise_3x3_blocked *op, const int8_t *in, int8_t *out,
                           void *scratch);

/* Depthwise convolution of any window and multiplier in portable C, a channel at a time: as
 * `depthwise_conv_2d_dsp`, but with a plane of int8 and no pairs. */
struct depthwise_conv_2d_blocked {
    const int8_t *weights; /* [channel][kernel_h][kernel_w] */
    const struct channel_dsp *channels;
    const struct channel *wide;
    int32_t in_c, in_h, in_w;
    int32_t in_channel_stride, in_y_stride, in_x_stride;
    int32_t out_h, out_w;
    int32_t out_channel_stride, out_y_stride, out_x_stride;
    int32_t multiplier;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t phases, phase_step;
    int32_t pad_top, pad_left;
    int32_t plane_h, plane_w;
    int32_t in_zero_point;
    int32_t out_offset;
    int32_t out_min, out_max;
};
void depthwise_conv_2d_blocked(const struct depthwise_conv_2d_blocked *op, const int8_t *in,
                               int8_t *out, void *scratch);

/* Depthwise convolution of a window without a border, one output a channel, in portable C: four
 * channels at a time, which are innermost in memory. Steps are in bytes. */
struct depthwise_valid_blocked {
    const int8_t *weights; /* [kernel_h][kernel_w][channel] */
    const struct channel_dsp *channels;
    int32_t channel_count;
    int32_t out_h, out_w;
    int32_t kernel_h, kernel_w;
    int32_t next_row, next_column;     /* from a tap to that below, and beside it */
    int32_t stride_row, stride_column; /* from a window to that below, and beside it */
    int32_t out_min, out_max;
};
void depthwise_valid_blocked(const struct depthwise_valid_blocked *op, const int8_t *in,
                             int8_t *out);

/* The same as `add_blocked`, four elements at a time. */
struct add_mve {
    int32_t count;
    int32_t first_offset;
    int32_t second_offset, second_multiplier, second_rounding, second_right_shift;
    int32_t out_multiplier, out_rounding, out_right_shift;
    int32_t out_min, out_max;
};
void add_mve(const struct add_mve *op, const int8_t *first, const int8_t *second, int8_t *out);

/* Mean over a window of at most AVERAGE_POOL_2D_MVE_MAX pixels, four channels at a time: with more,
 * the product by the inverse of their number may not be exact. */
#define AVERAGE_POOL_2D_MVE_MAX 4087
struct average_pool_2d_mve {
    int32_t in_h, in_w;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t out_min, out_max;
};
void average_pool_2d_mve(const struct average_pool_2d_mve *op, const int8_t *in, int8_t *out);

/* Depthwise 3x3 convolution, four outputs of a channel at a time: two by two where the step is one
 * pixel. In `weights` five zeros are first, and behind each channel's three columns of three rows
 * and a zero come zeros. `scratch` holds `columns` of four rows and sixteen channels, then a row of
 * the image where `in_place`: `out` may be just `in` then. Otherwise each output row, or two where
 * they are computed together, is written while its input rows are read. */
struct depthwise_3x3_mve {
    const int8_t *weights;   /* 5 zeros + [in_c][16] */
    const int32_t *channels; /* [in_c][4]: biases, multipliers, roundings, right shifts below 0 */
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t columns;
    int32_t in_place; /* only two by two, with a row above the image */
    int32_t in_zero_point;
    int32_t exact_negatives;
    int32_t out_min, out_max;
};
void depthwise_3x3_mve(const struct depthwise_3x3_mve *op, const int8_t *in, int8_t *out,
                       void *scratch);

#endif
