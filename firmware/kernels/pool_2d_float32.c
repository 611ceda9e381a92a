/* Pools of floats. */
#include <float.h>

#include "exponential.h"
#include "floats.h"

static float with(int32_t function, float found, float value) {
    switch (function) {
    case POOL_GREATEST:
        return found < value ? value : found;
    case POOL_MEAN:
        return found + value;
    default:
        return found + value * value;
    }
}

void pool_2d_float32(const struct pool_2d_float32 *op, const void *in, void *out) {
    const real *values = in;
    real *result = out;
    for (int32_t y = 0; y < op->out_h; y++) {
        for (int32_t x = 0; x < op->out_w; x++) {
            const int32_t top = y * op->stride_h - op->pad_top;
            const int32_t left = x * op->stride_w - op->pad_left;
            for (int32_t c = 0; c < op->out_c; c++) {
                float found = op->function == POOL_GREATEST ? -FLT_MAX : 0.0f;
                float count = 0.0f;
                for (int32_t row = top; row < top + op->kernel_h; row++) {
                    for (int32_t column = left; column < left + op->kernel_w; column++) {
                        if (row < 0 || row >= op->in_h || column < 0 || column >= op->in_w) {
                            continue;
                        }
                        const float value = values[(row * op->in_w + column) * op->out_c + c];
                        count += 1.0f;
                        found = with(op->function, found, value);
                    }
                }
                if (op->function != POOL_GREATEST) {
                    found /= count;
                }
                if (op->function == POOL_SQUARES) {
                    found = square_root(found);
                }
                *result++ = found < op->out_min   ? op->out_min
                            : found > op->out_max ? op->out_max
                                                  : found;
            }
        }
    }
}
