/* Transposed convolution in plain C: each output pixel gathers what was added to it. */
#include "fixed_point.h"
#include "kernels.h"

/* The input place that reaches `at` by tap `tap`, or -1. */
static int32_t place(int32_t at, int32_t tap, int32_t stride, int32_t size) {
    const int32_t from = at - tap;
    return from >= 0 && from % stride == 0 && from / stride < size ? from / stride : -1;
}

static int32_t sum(const struct transpose_conv *op, const int8_t *in, int32_t y, int32_t x,
                   const int8_t *filter) {
    int32_t total = 0;
    for (int32_t ky = 0; ky < op->kernel_h; ky++) {
        const int32_t iy = place(y + op->pad_top, ky, op->stride_h, op->in_h);
        for (int32_t kx = 0; kx < op->kernel_w && iy >= 0; kx++) {
            const int32_t ix = place(x + op->pad_left, kx, op->stride_w, op->in_w);
            if (ix < 0) {
                continue;
            }
            const int8_t *value = in + (iy * op->in_w + ix) * op->in_c;
            const int8_t *weight = filter + (ky * op->kernel_w + kx) * op->in_c;
            for (int32_t c = 0; c < op->in_c; c++) {
                total += (value[c] + op->in_offset) * weight[c];
            }
        }
    }
    return total;
}

void transpose_conv(const struct transpose_conv *op, const int8_t *in, int8_t *out) {
    const int32_t taps = op->kernel_h * op->kernel_w * op->in_c;
    for (int32_t y = 0; y < op->out_h; y++) {
        for (int32_t x = 0; x < op->out_w; x++) {
            for (int32_t c = 0; c < op->out_c; c++) {
                const struct channel *channel = &op->channels[c];
                const int32_t total = sum(op, in, y, x, op->weights + c * taps);
                const int32_t value =
                    requantise(total + channel->bias, channel->multiplier, channel->shift);
                *out++ = (int8_t)clamp(value + op->out_offset, op->out_min, op->out_max);
            }
        }
    }
}
