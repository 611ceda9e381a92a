/* Depthwise convolution in plain C. */
#include "fixed_point.h"
#include "kernels.h"

/* Accumulate the filter of output channel `c` over the window with top left corner (y0, x0). */
static int32_t window_sum(const struct depthwise_conv_2d *op, const int8_t *in, int32_t c,
                          int32_t y0, int32_t x0) {
    int32_t sum = 0;
    for (int32_t ky = 0; ky < op->kernel_h; ky++) {
        for (int32_t kx = 0; kx < op->kernel_w; kx++) {
            const int32_t y = y0 + ky * op->dilation_h;
            const int32_t x = x0 + kx * op->dilation_w;
            if (y < 0 || y >= op->in_h || x < 0 || x >= op->in_w) {
                continue; /* padding is the zero point and adds nothing */
            }
            const int32_t value = in[(y * op->in_w + x) * op->in_c + c / op->multiplier];
            const int32_t weight = op->weights[(ky * op->kernel_w + kx) * op->out_c + c];
            sum += (value + op->in_offset) * weight;
        }
    }
    return sum;
}

void depthwise_conv_2d(const struct depthwise_conv_2d *op, const int8_t *in, int8_t *out) {
    for (int32_t y = 0; y < op->out_h; y++) {
        for (int32_t x = 0; x < op->out_w; x++) {
            for (int32_t c = 0; c < op->out_c; c++) {
                const struct channel *channel = &op->channels[c];
                const int32_t sum =
                    channel->bias + window_sum(op, in, c, y * op->stride_h - op->pad_top,
                                               x * op->stride_w - op->pad_left);
                const int32_t value = requantise(sum, channel->multiplier, channel->shift);
                *out++ = (int8_t)clamp(value + op->out_offset, op->out_min, op->out_max);
            }
        }
    }
}
