/* Convolution with DSP instructions whose taps may be apart, and whose scales may be any. */
#include "conv_2d_dsp.h"
#include "fixed_point.h"
#include "windows.h"

#include <stdbool.h>
#include <string.h>

/* As `dot_2x3`, of weights that stand for themselves. */
static void dot_apart(const packed *columns, const int8_t *weights, int32_t groups,
                      int32_t acc[2][PIXELS]) {
    const packed *word = (const packed *)weights;
    memset(acc, 0, 2 * sizeof *acc);
    for (int32_t i = 0; i < 2 * groups; i++, word++, columns += PIXELS) {
        const int32_t first = odd_bytes(*word), second = even_bytes(*word);
        for (int32_t pixel = 0; pixel < PIXELS; pixel++) {
            acc[0][pixel] = __smlad(columns[pixel], first, acc[0][pixel]);
            acc[1][pixel] = __smlad(columns[pixel], second, acc[1][pixel]);
        }
    }
}

/* Store one channel of up to three pixels. */
static void store(const struct conv_2d_dsp *op, const int32_t acc[PIXELS], int32_t channel,
                  int32_t pixels, int8_t *out) {
    const bool exact = op->exact_negatives || op->out_min > INT8_MIN || op->out_max < INT8_MAX;
    out += channel * op->out_channel_stride;
    for (int32_t i = 0; i < pixels; i++, out += op->out_pixel_stride) {
        if (op->wide != 0) {
            const struct channel *c = &op->wide[channel];
            const int32_t sum = (int32_t)((uint32_t)acc[i] + (uint32_t)c->bias);
            *out = (int8_t)clamp(requantise(sum, c->multiplier, c->shift) + op->out_offset,
                                 op->out_min, op->out_max);
        } else {
            const struct channel_dsp *c = &op->channels[channel];
            *out = exact ? output_exact(acc[i], c, op->out_min, op->out_max)
                         : output_clamped(acc[i], c);
        }
    }
}

void conv_2d_any_dsp(const struct conv_2d_dsp *op, const int8_t *in, int8_t *out, void *scratch) {
    const struct taps taps = {op->in_h,     op->in_w,       op->in_c,       op->kernel_h,
                              op->kernel_w, op->dilation_h, op->dilation_w, op->in_zero_point};
    packed *columns = scratch;
    int8_t *patch = (int8_t *)(columns + op->groups * GROUP_WORDS);
    const int32_t pixels = op->out_h * op->out_w;
    int32_t y = -op->pad_top, x = -op->pad_left, column = 0;
    for (int32_t first = 0; first < pixels; first += PIXELS, out += PIXELS * op->out_pixel_stride) {
        const int32_t count = pixels - first < PIXELS ? pixels - first : PIXELS;
        for (int32_t i = 0; i < count; i++) {
            copy_taps(&taps, in, y, x, patch);
            unpack(patch, 4 * op->groups, columns + i);
            x += op->stride_w;
            if (++column == op->out_w) {
                column = 0;
                x = -op->pad_left;
                y += op->stride_h;
            }
        }
        for (int32_t channel = 0; channel < op->out_c; channel += 2) {
            int32_t acc[2][PIXELS];
            (op->apart ? dot_apart : dot_2x3)(columns, op->weights + 4 * op->groups * channel,
                                              op->groups, acc);
            store(op, acc[0], channel, count, out);
            if (channel + 1 < op->out_c) {
                store(op, acc[1], channel + 1, count, out);
            }
        }
    }
}
