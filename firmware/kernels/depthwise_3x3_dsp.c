/* Depthwise 3x3 convolution of planar images with DSP instructions. */
#include "depthwise_3x3_dsp.h"

#include <stdbool.h>

typedef int16_t __attribute__((may_alias)) half;

/* Convolve a plane whose outputs lie side by side. */
void convolve_1(const packed *in, const struct plane *plane, int8_t *out, int32_t row_b);
void convolve_2(const packed *in, const struct plane *plane, int8_t *out, int32_t row_b);

__asm__(CONVOLVE_MACROS "   convolve convolve_1, 1, 0\n"
                        "   convolve convolve_2, 2, 0\n" NO_CONVOLVE_MACROS);

/* Copy a plane to int16, inside its border. */
static void widen(const struct depthwise_3x3_dsp *op, const int8_t *in, packed *plane) {
    half *row = (half *)plane;
    row += op->pad_top * op->plane_w + op->pad_left;
    const int32_t words = op->in_w / 4;
    const int32_t left = op->in_w % 4;
    for (int32_t y = 0; y < op->in_h; y++, row += op->plane_w) {
        packed_anywhere *to = (packed_anywhere *)row;
        for (const int8_t *end = in + 4 * words; in != end; in += 4, to += 2) {
            const int32_t bytes = *(const packed_anywhere *)in;
            const int32_t even = even_bytes(bytes);
            const int32_t odd = odd_bytes(bytes);
            to[0] = pack(even, odd);
            to[1] = pack_high(even, odd);
        }
        for (int32_t x = 4 * words; x < 4 * words + left; x++) {
            row[x] = *in++;
        }
    }
}

/* Convolve a plane with any limits, rounding as the reference does; weights are not doubled. */
static int8_t *convolve_exact(const struct depthwise_3x3_dsp *op, const packed *plane,
                              const int32_t w[3][2], const struct channel_dsp *channel,
                              int8_t *out) {
    const int32_t row = op->plane_w;
    const half *in = (const half *)plane;
    for (int32_t y = 0; y < op->out_h; y++, in += op->stride_h * row) {
        for (int32_t x = 0; x < op->out_w; x++) {
            const half *from = in + x * op->stride_w;
            int32_t sum = 0;
#pragma GCC unroll 3
            for (int32_t i = 0; i < 3; i++, from += row) {
                sum = __smlad(*(const packed_anywhere *)from, w[i][0], sum);
                sum = __smlabt(from[2], w[i][1], sum);
            }
            *out++ = output_exact(sum, channel, op->out_min, op->out_max);
        }
    }
    return out;
}

void depthwise_3x3_dsp(const struct depthwise_3x3_dsp *op, const int8_t *in, int8_t *out,
                       void *scratch) {
    const bool exact = op->exact_negatives || op->out_min > INT8_MIN || op->out_max < INT8_MAX;
    const packed *weights = (const packed *)op->weights;
    const int32_t row_b = 2 * op->plane_w;
    const int32_t pairs_b = op->out_w & ~1;
    struct plane plane = {
        .rows = op->out_h,
        .pairs_b = pairs_b,
        .odd = op->out_w & 1,
        .next_row_b = op->stride_h * row_b - 2 * op->stride_w * pairs_b,
    };
    packed *words = scratch;
    for (int32_t i = 0; i < op->plane_h * op->plane_w / 2; i++) {
        words[i] = pack(op->in_zero_point, op->in_zero_point);
    }
    for (int32_t c = 0; c < op->channel_count; c++) {
        const struct channel_dsp *channel = &op->channels[c];
        for (int32_t i = 0; i < 3; i++, weights++) {
            plane.weights[i][0] = even_bytes(*weights);
            plane.weights[i][1] = odd_bytes(*weights);
        }
        widen(op, in, scratch);
        in += op->in_h * op->in_w;
        if (exact) {
            out = convolve_exact(op, scratch, plane.weights, channel, out);
            continue;
        }
        for (int32_t i = 0; i < 3; i++) {
            plane.weights[i][0] = __sadd16(plane.weights[i][0], plane.weights[i][0]);
            plane.weights[i][1] = __sadd16(plane.weights[i][1], plane.weights[i][1]);
        }
        plane.multiplier = channel->multiplier;
        plane.rounding = channel->rounding;
        plane.right_shift = channel->right_shift;
        plane.bias_x2 = channel->bias_x2;
        (op->stride_w == 1 ? convolve_1 : convolve_2)(scratch, &plane, out, row_b);
        out += op->out_h * op->out_w;
    }
}
