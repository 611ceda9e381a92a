/* Convolution of int16. */
#include "weighted_int16.h"

void conv_2d_int16(const struct conv_2d_int16 *op, const void *in, void *out) {
    const short_int *values = in;
    short_int *result = out;
    for (int32_t y = 0; y < op->out_h; y++) {
        for (int32_t x = 0; x < op->out_w; x++) {
            const int32_t top = y * op->stride_h - op->pad_top;
            const int32_t left = x * op->stride_w - op->pad_left;
            const int8_t *weight = op->weights;
            for (int32_t c = 0; c < op->out_c; c++) {
                const int32_t first_c = c / op->group_c * op->filter_c;
                int64_t sum = 0;
                for (int32_t ky = 0; ky < op->kernel_h; ky++) {
                    const int32_t row = top + ky * op->dilation_h;
                    for (int32_t kx = 0; kx < op->kernel_w; kx++, weight += op->filter_c) {
                        const int32_t column = left + kx * op->dilation_w;
                        if (row < 0 || row >= op->in_h || column < 0 || column >= op->in_w) {
                            continue;
                        }
                        const short_int *pixel =
                            values + (row * op->in_w + column) * op->in_c + first_c;
                        sum += products_int16(pixel, weight, op->filter_c);
                    }
                }
                *result++ =
                    output_int16(&op->channels[c], sum, op->narrow, op->out_min, op->out_max);
            }
        }
    }
}
