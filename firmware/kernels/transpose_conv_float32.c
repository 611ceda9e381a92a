/* Transposed convolution of floats: sums are kept in the output. */
#include "floats.h"

void transpose_conv_float32(const struct transpose_conv_float32 *op, const void *in, void *out) {
    const real *value = in;
    real *result = out;
    const int32_t taps = op->kernel_h * op->kernel_w * op->in_c;
    for (int32_t i = 0; i < op->out_h * op->out_w * op->out_c; i++) {
        result[i] = 0.0f;
    }
    for (int32_t y = 0; y < op->in_h; y++) {
        for (int32_t x = 0; x < op->in_w; x++) {
            for (int32_t i = 0; i < op->in_c; i++, value++) {
                for (int32_t tap = 0; tap < op->kernel_h * op->kernel_w; tap++) {
                    const int32_t row = y * op->stride_h - op->pad_top + tap / op->kernel_w;
                    const int32_t column = x * op->stride_w - op->pad_left + tap % op->kernel_w;
                    if (row < 0 || row >= op->out_h || column < 0 || column >= op->out_w) {
                        continue;
                    }
                    real *pixel = result + (row * op->out_w + column) * op->out_c;
                    const float *weight = op->weights + tap * op->in_c + i;
                    for (int32_t c = 0; c < op->out_c; c++) {
                        pixel[c] += *value * weight[c * taps];
                    }
                }
            }
        }
    }
    for (int32_t i = 0; i < op->out_h * op->out_w; i++) {
        for (int32_t c = 0; c < op->out_c; c++, result++) {
            const float sum = *result + op->biases[c];
            *result = sum < op->out_min ? op->out_min : sum > op->out_max ? op->out_max : sum;
        }
    }
}
