/* Average pooling with MVE instructions: four channels at a time. */
#include "fixed_point.h"
#include "kernels.h"
#include "mve.h"

/* The part of an image that one window covers. */
struct part {
    int32_t width, height;
    int32_t count;     /* of its pixels, at most AVERAGE_POOL_2D_MVE_MAX */
    uint32_t inverse;  /* 2^31 / count, rounded up */
    const int8_t *top; /* its first pixel */
};

/* The means of four channels, halves rounded away from zero. */
static int32x4_t means(const struct part *part, int32_t pixel_b, int32_t row_b, int32_t first,
                       mve_pred16_t some) {
    int32x4_t sums = vdupq_n_s32(0);
    const int8_t *row = part->top + first;
    for (int32_t y = 0; y < part->height; y++, row += row_b) {
        const int8_t *pixel = row;
        for (int32_t x = 0; x < part->width; x++, pixel += pixel_b) {
            sums = vaddq_s32(sums, vldrbq_z_s32(pixel, some));
        }
    }
    const uint32x4_t size =
        vaddq_n_u32(vreinterpretq_u32_s32(vabsq_s32(sums)), (uint32_t)part->count / 2);
    const int32x4_t mean =
        vreinterpretq_s32_u32(vmulhq_u32(vshlq_n_u32(size, 1), vdupq_n_u32(part->inverse)));
    return vnegq_m_s32(mean, mean, vcmpltq_n_s32(sums, 0));
}

void average_pool_2d_mve(const struct average_pool_2d_mve *op, const int8_t *in, int8_t *out) {
    const int32_t row_b = op->in_w * op->out_c;
    for (int32_t y = 0; y < op->out_h; y++) {
        const int32_t y0 = y * op->stride_h - op->pad_top;
        const int32_t top = clamp(y0, 0, op->in_h);
        for (int32_t x = 0; x < op->out_w; x++) {
            const int32_t x0 = x * op->stride_w - op->pad_left;
            const int32_t left = clamp(x0, 0, op->in_w);
            struct part part = {
                .width = clamp(x0 + op->kernel_w, 0, op->in_w) - left,
                .height = clamp(y0 + op->kernel_h, 0, op->in_h) - top,
                .top = in + top * row_b + left * op->out_c,
            };
            part.count = part.width * part.height;
            part.inverse = (1u << 31) / (uint32_t)part.count + 1;
            for (int32_t c = 0; c < op->out_c; c += 4, out += 4) {
                const mve_pred16_t some = vctp32q((uint32_t)(op->out_c - c));
                const int32x4_t mean = means(&part, op->out_c, row_b, c, some);
                vstrbq_p_s32(out, limited(mean, op->out_min, op->out_max), some);
            }
            out -= -op->out_c & 3;
        }
    }
}
