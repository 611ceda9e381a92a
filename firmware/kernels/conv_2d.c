/* Two-dimensional convolution in plain C. */
#include "fixed_point.h"
#include "kernels.h"

/* Accumulate one filter over the window whose top left corner is (y0, x0). */
static int32_t window_sum(const struct conv_2d *op, const int8_t *in, const int8_t *weights,
                          int32_t y0, int32_t x0) {
    int32_t sum = 0;
    for (int32_t ky = 0; ky < op->kernel_h; ky++) {
        for (int32_t kx = 0; kx < op->kernel_w; kx++, weights += op->in_c) {
            const int32_t y = y0 + ky * op->dilation_h;
            const int32_t x = x0 + kx * op->dilation_w;
            if (y < 0 || y >= op->in_h || x < 0 || x >= op->in_w) {
                continue; /* padding is the zero point and adds nothing */
            }
            const int8_t *pixel = in + (y * op->in_w + x) * op->in_c;
            for (int32_t c = 0; c < op->in_c; c++) {
                sum += (pixel[c] + op->in_offset) * weights[c];
            }
        }
    }
    return sum;
}

void conv_2d(const struct conv_2d *op, const int8_t *in, int8_t *out) {
    const int32_t taps = op->kernel_h * op->kernel_w * op->in_c;
    for (int32_t y = 0; y < op->out_h; y++) {
        for (int32_t x = 0; x < op->out_w; x++) {
            for (int32_t c = 0; c < op->out_c; c++) {
                const struct channel *channel = &op->channels[c];
                const int32_t sum = channel->bias + window_sum(op, in, op->weights + c * taps,
                                                               y * op->stride_h - op->pad_top,
                                                               x * op->stride_w - op->pad_left);
                const int32_t value = requantise(sum, channel->multiplier, channel->shift);
                *out++ = (int8_t)clamp(value + op->out_offset, op->out_min, op->out_max);
            }
        }
    }
}
