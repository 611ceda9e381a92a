/* Convolution in portable C for cores without DSP instructions: two pixels by three channels. */
#include "blocked.h"

#include <string.h>

#define PIXELS 2
#define CHANNELS 3

/* Copy the window of output pixel `index` to `patch`, with the zero point outside the image. */
static void copy_window(const struct conv_2d_blocked *op, const int8_t *in, int32_t index,
                        int8_t *patch) {
    const int32_t y0 = index / op->out_w * op->stride_h - op->pad_top;
    const int32_t x0 = index % op->out_w * op->stride_w - op->pad_left;
    const int32_t width = op->kernel_w * op->in_c;
    const int32_t left = x0 < 0 ? -x0 : 0;
    const int32_t beyond = x0 + op->kernel_w - op->in_w;
    const int32_t right = beyond > 0 ? beyond : 0;
    const int32_t inside = (op->kernel_w - left - right) * op->in_c;
    for (int32_t y = y0; y < y0 + op->kernel_h; y++, patch += width) {
        if (inside != width || y < 0 || y >= op->in_h) {
            memset(patch, op->in_zero_point, (size_t)width);
        }
        if (inside > 0 && y >= 0 && y < op->in_h) {
            memcpy(patch + left * op->in_c, in + (y * op->in_w + x0 + left) * op->in_c,
                   (size_t)inside);
        }
    }
}

/* Compute all channels of one or two pixels; `pixels` is a constant after inlining. */
static inline __attribute__((always_inline)) void channels(const struct conv_2d_blocked *op,
                                                           const int8_t *const window[PIXELS],
                                                           int32_t pixels, int8_t *out) {
    const int8_t *weight = op->weights;
    for (int32_t c = 0; c < op->out_c; c += CHANNELS) {
        int32_t sum[PIXELS][CHANNELS] = {{0}};
        const int8_t *first = window[0];
        const int8_t *second = window[1];
#pragma GCC unroll 4
        for (const int8_t *end = first + op->taps; first != end; weight += CHANNELS) {
            const int32_t a = *first++;
            const int32_t b = pixels > 1 ? *second++ : 0;
#pragma GCC unroll 3
            for (int32_t i = 0; i < CHANNELS; i++) {
                const int32_t w = weight[i];
                sum[0][i] += a * w;
                if (pixels > 1) {
                    sum[1][i] += b * w;
                }
            }
        }
        const int32_t count = op->out_c - c < CHANNELS ? op->out_c - c : CHANNELS;
        for (int32_t p = 0; p < pixels; p++) {
            for (int32_t i = 0; i < count; i++) {
                out[p * op->out_c + c + i] =
                    output_blocked(sum[p][i], &op->channels[c + i], op->out_min, op->out_max);
            }
        }
    }
}

void conv_2d_blocked(const struct conv_2d_blocked *op, const int8_t *in, int8_t *out,
                     void *scratch) {
    const int32_t pixels = op->out_h * op->out_w;
    for (int32_t first = 0; first < pixels; first += PIXELS) {
        const int32_t count = pixels - first < PIXELS ? pixels - first : PIXELS;
        const int8_t *window[PIXELS] = {0};
        for (int32_t p = 0; p < count; p++) {
            if (op->pointwise) {
                window[p] = in + (first + p) * op->in_c;
            } else {
                int8_t *patch = (int8_t *)scratch + p * op->taps;
                copy_window(op, in, first + p, patch);
                window[p] = patch;
            }
        }
        if (count == PIXELS) {
            channels(op, window, PIXELS, out + first * op->out_c);
        } else {
            channels(op, window, 1, out + first * op->out_c);
        }
    }
}
