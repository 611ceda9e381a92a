/* Depthwise 3x3 convolution of planar images with DSP instructions. */
#include "dsp.h"

#include <stdbool.h>

/* A row of weights as the pairs (w0, w1) and (w1, w2). */
struct row {
    int32_t w01, w12;
};

/* Copy a plane to int16 with a border of the zero point. */
static void widen(const struct depthwise_3x3_dsp *op, const int8_t *in, packed *plane) {
    const int32_t border = pack(op->in_zero_point, op->in_zero_point);
    for (int32_t i = 0; i < op->plane_h * op->plane_w / 2; i++) {
        plane[i] = border;
    }
    int16_t __attribute__((may_alias)) *row = (void *)plane;
    row += op->pad_top * op->plane_w + op->pad_left;
    for (int32_t y = 0; y < op->in_h; y++, row += op->plane_w) {
        for (int32_t x = 0; x < op->in_w; x++) {
            row[x] = *in++;
        }
    }
}

static inline __attribute__((always_inline)) int8_t output(const struct depthwise_3x3_dsp *op,
                                                           int32_t acc,
                                                           const struct channel_dsp *channel,
                                                           bool exact) {
    return exact ? output_exact(acc, channel, op->out_min, op->out_max)
                 : output_clamped(acc, channel);
}

/* Convolve a widened plane, two outputs at a time. */
static inline __attribute__((always_inline)) int8_t *
convolve(const struct depthwise_3x3_dsp *op, const packed *plane, const struct row w[3],
         struct channel_dsp channel, int32_t stride_w, bool exact, int8_t *out) {
    const int32_t row = op->plane_w / 2;
    for (int32_t y = 0; y < op->out_h; y++, plane += op->stride_h * row) {
        const packed *in = plane;
        int8_t *end = out + op->out_w;
        while (out != end) {
            int32_t first = 0;
            int32_t second = 0;
#pragma GCC unroll 3
            for (int32_t i = 0; i < 3; i++) {
                const int32_t p = in[i * row];
                const int32_t q = in[i * row + 1];
                first = __smlad(p, w[i].w01, first);
                first = __smlabt(q, w[i].w12, first);
                if (stride_w == 1) {
                    second = __smlatb(p, w[i].w01, second);
                    second = __smlad(q, w[i].w12, second);
                } else {
                    second = __smlad(q, w[i].w01, second);
                    second = __smlabt(in[i * row + 2], w[i].w12, second);
                }
            }
            in += stride_w;
            *out++ = output(op, first, &channel, exact);
            if (out != end) {
                *out++ = output(op, second, &channel, exact);
            }
        }
    }
    return out;
}

void depthwise_3x3_dsp(const struct depthwise_3x3_dsp *op, const int8_t *in, int8_t *out,
                       void *scratch) {
    const bool exact = op->exact_negatives || op->out_min > INT8_MIN || op->out_max < INT8_MAX;
    const packed *weights = (const packed *)op->weights;
    for (int32_t c = 0; c < op->channel_count; c++) {
        struct row w[3];
        for (int32_t i = 0; i < 3; i++, weights++) {
            w[i] = (struct row){even_bytes(*weights), odd_bytes(*weights)};
        }
        widen(op, in, scratch);
        in += op->in_h * op->in_w;
        if (op->stride_w == 1 && !exact) {
            out = convolve(op, scratch, w, op->channels[c], 1, false, out);
        } else if (op->stride_w == 1) {
            out = convolve(op, scratch, w, op->channels[c], 1, true, out);
        } else if (!exact) {
            out = convolve(op, scratch, w, op->channels[c], 2, false, out);
        } else {
            out = convolve(op, scratch, w, op->channels[c], 2, true, out);
        }
    }
}
