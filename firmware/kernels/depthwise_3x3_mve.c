/* Depthwise 3x3 convolution with MVE instructions: sixteen channels at a time. */
#include "kernels.h"
#include "mve.h"

/* Sums of one pixel and sixteen channels: channels 0, 4, 8, 12, then those from 2, 1 and 3 on. */
struct sums {
    int32x4_t from0, from2, from1, from3;
};

/* Products of two taps fit 16 bits together; they are added up in 32. */
static inline struct sums add_pair(struct sums s, int16x8_t even, int16x8_t odd) {
    s.from0 = vaddq_s32(s.from0, vmovlbq_s16(even));
    s.from2 = vaddq_s32(s.from2, vmovltq_s16(even));
    s.from1 = vaddq_s32(s.from1, vmovlbq_s16(odd));
    s.from3 = vaddq_s32(s.from3, vmovltq_s16(odd));
    return s;
}

/* Write row y of the image, between its borders, to its place among the three rows. */
static void copy_row(const struct depthwise_3x3_mve *op, const int8_t *in, int32_t y, int8_t *row) {
    if (y < 0 || y >= op->in_h) {
        fill(row, (int8_t)op->in_zero_point, op->row_b);
        return;
    }
    const int32_t left = op->pad_left * op->in_c;
    const int32_t inside = op->in_w * op->in_c;
    fill(row, (int8_t)op->in_zero_point, left);
    copy(row + left, in + y * inside, inside);
    fill(row + left + inside, (int8_t)op->in_zero_point, op->row_b - left - inside);
}

/* Compute all pixels of an output row for sixteen channels, or as many as are left; or for the few
 * channels there are, `op->pixels` pixels at a time. */
static void convolve(const struct depthwise_3x3_mve *op, const int8_t *rows[3],
                     const int8_t *weights, const int32_t *channels, int32_t left, int8_t *out) {
    const bool exact = op->exact_negatives;
    const int8x16_t min = vdupq_n_s8((int8_t)op->out_min);
    const int8x16_t max = vdupq_n_s8((int8_t)op->out_max);
    const int32_t next = op->in_c;
    const int32_t out_w = op->out_w;
    const int32_t pixels = op->pixels;
    const int32_t step = pixels * next;
    const int32_t in_step = op->stride_w * step;
    const int8_t *tap[3] = {rows[0], rows[1], rows[2]};
    if (pixels > 1) {
        left = out_w * next;
    }
    for (int32_t x = 0; x < out_w; x += pixels, out += step) {
        struct sums s = {vldrwq_s32(channels), vldrwq_s32(channels + 16), vldrwq_s32(channels + 32),
                         vldrwq_s32(channels + 48)};
        int16x8_t even = vdupq_n_s16(0);
        int16x8_t odd = even;
#pragma GCC unroll 9
        for (int32_t i = 0; i < 9; i++) {
            const int8x16_t value = vldrbq_s8(tap[i / 3] + i % 3 * next);
            const int8x16_t weight = vldrbq_s8(weights + 16 * i);
            if (i % 2 == 0) {
                even = vmullbq_int_s8(value, weight);
                odd = vmulltq_int_s8(value, weight);
            } else {
                even = vaddq_s16(even, vmullbq_int_s8(value, weight));
                odd = vaddq_s16(odd, vmulltq_int_s8(value, weight));
            }
            if (i % 2 == 1 || i == 8) {
                s = add_pair(s, even, odd);
            }
        }
        for (int32_t i = 0; i < 3; i++) {
            tap[i] += in_step;
        }
        int16x8_t low = vqmovnbq_s32(vdupq_n_s16(0), output(s.from0, channels, exact));
        low = vqmovntq_s32(low, output(s.from2, channels + 16, exact));
        int16x8_t high = vqmovnbq_s32(vdupq_n_s16(0), output(s.from1, channels + 32, exact));
        high = vqmovntq_s32(high, output(s.from3, channels + 48, exact));
        int8x16_t result = vqmovntq_s16(vqmovnbq_s16(vdupq_n_s8(0), low), high);
        result = vminq_s8(vmaxq_s8(result, min), max);
        if (left >= 16) {
            vstrbq_s8(out, result);
        } else {
            vstrbq_p_s8(out, result, vctp8q((uint32_t)left));
        }
        if (pixels > 1) {
            left -= step;
        }
    }
}

void depthwise_3x3_mve(const struct depthwise_3x3_mve *op, const int8_t *in, int8_t *out,
                       void *scratch) {
    int8_t *const ring = scratch;
    int32_t next = 0; /* row of the window's frame that comes next into the ring */
    for (int32_t y = 0; y < op->out_h; y++, out += op->out_w * op->in_c) {
        const int32_t first = y * op->stride_h;
        const int8_t *rows[3];
        for (next = next < first ? first : next; next < first + 3; next++) {
            copy_row(op, in, next - op->pad_top, ring + next % 3 * op->row_b);
        }
        for (int32_t i = 0; i < 3; i++) {
            rows[i] = ring + (first + i) % 3 * op->row_b;
        }
        for (int32_t c = 0; c < op->in_c; c += 16) {
            const int8_t *from[3] = {rows[0] + c, rows[1] + c, rows[2] + c};
            convolve(op, from, op->weights + 9 * c, op->channels + 4 * c, op->in_c - c, out + c);
        }
    }
}
