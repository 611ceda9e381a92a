/* Convolution in portable C whose taps may be apart, and whose scales may be any. */
#include "blocked.h"
#include "fixed_point.h"
#include "windows.h"

#define PIXELS 2
#define CHANNELS 3

static int8_t output(const struct conv_2d_blocked *op, int32_t sum, int32_t channel) {
    if (op->wide == 0) {
        return output_blocked(sum, &op->channels[channel], op->out_min, op->out_max);
    }
    const struct channel *c = &op->wide[channel];
    sum = (int32_t)((uint32_t)sum + (uint32_t)c->bias);
    return (int8_t)clamp(requantise(sum, c->multiplier, c->shift) + op->out_offset, op->out_min,
                         op->out_max);
}

/* Compute all channels of two pixels, whose windows lie side by side, and store `pixels`. */
static void channels(const struct conv_2d_blocked *op, const int8_t *windows, int32_t pixels,
                     int8_t *out) {
    const int8_t *weight = op->weights;
    for (int32_t c = 0; c < op->out_c; c += CHANNELS) {
        int32_t sum[PIXELS][CHANNELS] = {{0}};
        const int8_t *value = windows;
#pragma GCC unroll 4
        for (const int8_t *end = value + op->taps; value != end; value++, weight += CHANNELS) {
            const int32_t a = value[0];
            const int32_t b = value[op->taps];
#pragma GCC unroll 3
            for (int32_t i = 0; i < CHANNELS; i++) {
                const int32_t w = weight[i];
                sum[0][i] += a * w;
                sum[1][i] += b * w;
            }
        }
        const int32_t count = op->out_c - c < CHANNELS ? op->out_c - c : CHANNELS;
        for (int32_t p = 0; p < pixels; p++) {
            for (int32_t i = 0; i < count; i++) {
                out[p * op->out_c + c + i] = output(op, sum[p][i], c + i);
            }
        }
    }
}

void conv_2d_any_blocked(const struct conv_2d_blocked *op, const int8_t *in, int8_t *out,
                         void *scratch) {
    const struct taps taps = {op->in_h,     op->in_w,       op->in_c,       op->kernel_h,
                              op->kernel_w, op->dilation_h, op->dilation_w, op->in_zero_point};
    int8_t *windows = scratch;
    const int32_t pixels = op->out_h * op->out_w;
    int32_t y = -op->pad_top, x = -op->pad_left, column = 0;
    memset(windows, 0, (size_t)(PIXELS * op->taps));
    for (int32_t first = 0; first < pixels; first += PIXELS, out += PIXELS * op->out_c) {
        const int32_t count = pixels - first < PIXELS ? pixels - first : PIXELS;
        for (int32_t i = 0; i < count; i++) {
            copy_taps(&taps, in, y, x, windows + i * op->taps);
            x += op->stride_w;
            if (++column == op->out_w) {
                column = 0;
                x = -op->pad_left;
                y += op->stride_h;
            }
        }
        channels(op, windows, count, out);
    }
}
