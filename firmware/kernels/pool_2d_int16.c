/* Pools of int16. */
#include "fixed_point.h"
#include "int16.h"

void pool_2d_int16(const struct pool_2d_int16 *op, const void *in, void *out) {
    const short_int *values = in;
    short_int *result = out;
    for (int32_t y = 0; y < op->out_h; y++) {
        for (int32_t x = 0; x < op->out_w; x++) {
            const int32_t top = y * op->stride_h - op->pad_top;
            const int32_t left = x * op->stride_w - op->pad_left;
            for (int32_t c = 0; c < op->out_c; c++) {
                int32_t sum = 0, most = INT16_MIN, count = 0;
                for (int32_t row = top; row < top + op->kernel_h; row++) {
                    for (int32_t column = left; column < left + op->kernel_w; column++) {
                        if (row < 0 || row >= op->in_h || column < 0 || column >= op->in_w) {
                            continue;
                        }
                        const int32_t value = values[(row * op->in_w + column) * op->out_c + c];
                        sum += value;
                        most = most < value ? value : most;
                        count++;
                    }
                }
                const int32_t half = sum > 0 ? count / 2 : -(count / 2);
                const int32_t found = op->mean ? (sum + half) / count : most;
                *result++ = (int16_t)clamp(found, op->out_min, op->out_max);
            }
        }
    }
}
