/* Maximum pooling in plain C, channels innermost. */
#include "fixed_point.h"
#include "reduce.h"

void max_pool_2d(const struct max_pool_2d *op, const int8_t *in, int8_t *out) {
    for (int32_t y = 0; y < op->out_h; y++) {
        const int32_t top = y * op->stride_h - op->pad_top;
        const int32_t first_y = clamp(top, 0, op->in_h);
        const int32_t end_y = clamp(top + op->kernel_h, 0, op->in_h);
        for (int32_t x = 0; x < op->out_w; x++, out += op->out_c) {
            const int32_t left = x * op->stride_w - op->pad_left;
            const int32_t first_x = clamp(left, 0, op->in_w);
            const int32_t end_x = clamp(left + op->kernel_w, 0, op->in_w);
            for (int32_t c = 0; c < op->out_c; c++) {
                int32_t most = INT8_MIN;
                for (int32_t iy = first_y; iy < end_y; iy++) {
                    const int8_t *value = in + (iy * op->in_w + first_x) * op->out_c + c;
                    for (int32_t ix = first_x; ix < end_x; ix++, value += op->out_c) {
                        most = *value > most ? *value : most;
                    }
                }
                out[c] = (int8_t)clamp(most, op->out_min, op->out_max);
            }
        }
    }
}
