/* Transposed convolution of int16: each output gathers the inputs whose windows it lies in. */
#include "weighted_int16.h"

void transpose_conv_int16(const struct transpose_conv_int16 *op, const void *in, void *out) {
    const short_int *values = in;
    short_int *result = out;
    for (int32_t y = 0; y < op->out_h; y++) {
        for (int32_t x = 0; x < op->out_w; x++) {
            const int8_t *weight = op->weights;
            for (int32_t c = 0; c < op->out_c; c++) {
                int64_t sum = 0;
                for (int32_t ky = 0; ky < op->kernel_h; ky++) {
                    const int32_t down = y + op->pad_top - ky;
                    const int32_t row = down / op->stride_h;
                    for (int32_t kx = 0; kx < op->kernel_w; kx++, weight += op->in_c) {
                        const int32_t right = x + op->pad_left - kx;
                        const int32_t column = right / op->stride_w;
                        if (down < 0 || right < 0 || down % op->stride_h || right % op->stride_w ||
                            row >= op->in_h || column >= op->in_w) {
                            continue;
                        }
                        const short_int *pixel = values + (row * op->in_w + column) * op->in_c;
                        sum += products_int16(pixel, weight, op->in_c);
                    }
                }
                *result++ =
                    output_int16(&op->channels[c], sum, op->narrow, op->out_min, op->out_max);
            }
        }
    }
}
