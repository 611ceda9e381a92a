/* Average pooling in plain C. */
#include "fixed_point.h"
#include "kernels.h"

/* The part of a window that begins at `start` and lies inside 0 .. size. */
struct span {
    int32_t first, end;
};

static struct span inside(int32_t start, int32_t length, int32_t size) {
    return (struct span){clamp(start, 0, size), clamp(start + length, 0, size)};
}

void average_pool_2d(const struct average_pool_2d *op, const int8_t *in, int8_t *out) {
    for (int32_t y = 0; y < op->out_h; y++) {
        const struct span rows = inside(y * op->stride_h - op->pad_top, op->kernel_h, op->in_h);
        for (int32_t x = 0; x < op->out_w; x++) {
            const struct span columns =
                inside(x * op->stride_w - op->pad_left, op->kernel_w, op->in_w);
            const int32_t width = columns.end - columns.first;
            const int32_t count = (rows.end - rows.first) * width;
            int8_t *pixel = out + (y * op->out_w + x) * op->out_pixel_stride;
            for (int32_t c = 0; c < op->out_c; c++) {
                int32_t sum = 0;
                for (int32_t iy = rows.first; iy < rows.end; iy++) {
                    const int8_t *value = in + c * op->in_channel_stride +
                                          (iy * op->in_w + columns.first) * op->in_pixel_stride;
                    for (int32_t i = 0; i < width; i++, value += op->in_pixel_stride) {
                        sum += *value;
                    }
                }
                const int32_t half = sum > 0 ? count / 2 : -(count / 2);
                const int32_t mean = (sum + half) / count;
                pixel[c * op->out_channel_stride] = (int8_t)clamp(mean, op->out_min, op->out_max);
            }
        }
    }
}
