/* Depthwise convolution with any window, with MVE instructions: eight channels of a pixel. */
#include "kernels.h"
#include "mve.h"

/* Taps of one side of a window that lie inside the image: from, to, and the first one's place. */
struct span {
    int32_t from, to, place;
};

static inline struct span inside(int32_t first, int32_t size, int32_t kernel, int32_t apart) {
    const int32_t from = first < 0 ? (apart - 1 - first) / apart : 0;
    const int32_t place = first + from * apart;
    const int32_t there = place < size ? (size - place + apart - 1) / apart : 0;
    return (struct span){from, kernel - from < there ? kernel : from + there, place};
}

/* The int8 of eight channels of a pixel, by their even and odd sums. */
static inline __attribute__((always_inline)) int16x8_t
result_of(const struct depthwise_conv_2d_mve *op, int32x4_t even, int32x4_t odd,
          const int32_t *channels) {
    const int32x4_t out_offset = vdupq_n_s32(op->out_offset);
    even = vaddq_s32(output_wide(even, channels), out_offset);
    odd = vaddq_s32(output_wide(odd, channels + 16), out_offset);
    int16x8_t result = vdupq_n_s16(0);
    result = vmovnbq_s32(result, limited(even, op->out_min, op->out_max));
    return vmovntq_s32(result, limited(odd, op->out_min, op->out_max));
}

/* Where the taps of a pixel begin that lie inside the image, and how many there are. */
struct taps {
    const int8_t *value, *weight;
    int32_t rows, inner;
    int32_t inner_b, row_b, weight_row_b, weight_b;
};

static inline __attribute__((always_inline)) struct taps
taps_of(const struct depthwise_conv_2d_mve *op, const int8_t *in, struct span rows,
        struct span columns) {
    const int32_t row_b = op->dilation_h * op->in_w * op->in_c;
    const int32_t weight_b = (op->out_c + 7) & ~7;
    /* The inner loop goes along a column where there is but one. */
    const bool one = op->kernel_w == 1;
    const int32_t down = rows.to - rows.from, across = columns.to - columns.from;
    const int32_t inner = one ? (across > 0 ? down : 0) : across;
    return (struct taps){
        .value = in + (rows.place * op->in_w + columns.place) * op->in_c,
        .weight = op->weights + (rows.from * op->kernel_w + columns.from) * weight_b,
        .rows = inner <= 0 ? 0
                : one      ? 1
                           : down,
        .inner = inner,
        .inner_b = one ? row_b : op->dilation_w * op->in_c,
        .row_b = row_b,
        .weight_row_b = op->kernel_w * weight_b,
        .weight_b = weight_b,
    };
}

/* Compute channels `c` to `c` + 7 of a pixel; past the last one where `part`. */
static inline __attribute__((always_inline)) void eight(const struct depthwise_conv_2d_mve *op,
                                                        struct taps taps, int32_t c, bool many,
                                                        bool part, int8_t *out) {
    const int32_t *channels = op->channels + 4 * c;
    const mve_pred16_t there = vctp16q((uint32_t)(op->out_c - c));
    const int16x8_t in_offset = vdupq_n_s16((int16_t)op->in_offset);
    int32x4_t even = vldrwq_s32(channels);
    int32x4_t odd = vldrwq_s32(channels + 16);
    uint16x8_t places = vdupq_n_u16(0);
    const int8_t *row = taps.value;
    if (many) {
        uint16_t place[8];
        for (int32_t i = 0; i < 8; i++) {
            place[i] = (uint16_t)((c + i) / op->multiplier - c / op->multiplier);
        }
        places = vldrhq_u16(place);
        row += c / op->multiplier;
    } else {
        row += c;
    }
    const int8_t *weight_row = taps.weight + c;
    for (int32_t y = 0; y < taps.rows; y++, row += taps.row_b, weight_row += taps.weight_row_b) {
        const int8_t *value = row;
        const int8_t *weight = weight_row;
        for (int32_t k = 0; k < taps.inner; k++, value += taps.inner_b, weight += taps.weight_b) {
            int16x8_t x;
            if (many) {
                x = vldrbq_gather_offset_z_s16(value, places, there);
            } else if (part) {
                x = vldrbq_z_s16(value, there);
            } else {
                x = vldrbq_s16(value);
            }
            const int16x8_t w = vldrbq_s16(weight);
            x = vaddq_s16(x, in_offset);
            even = vaddq_s32(even, vmullbq_int_s16(x, w));
            odd = vaddq_s32(odd, vmulltq_int_s16(x, w));
        }
    }
    vstrbq_p_s16(out + c, result_of(op, even, odd, channels), there);
}

/* Compute channels `c` to `c` + 7 of a pixel, and of the next, whose taps are as many and lie
 * `next_b` bytes on: both by the same weights. */
static inline __attribute__((always_inline)) void
eight_of_two(const struct depthwise_conv_2d_mve *op, struct taps taps, int32_t next_b, int32_t c,
             int8_t *out) {
    const int32_t *channels = op->channels + 4 * c;
    const int16x8_t in_offset = vdupq_n_s16((int16_t)op->in_offset);
    int32x4_t even = vldrwq_s32(channels), next_even = even;
    int32x4_t odd = vldrwq_s32(channels + 16), next_odd = odd;
    const int8_t *row = taps.value + c;
    const int8_t *weight_row = taps.weight + c;
    for (int32_t y = 0; y < taps.rows; y++, row += taps.row_b, weight_row += taps.weight_row_b) {
        const int8_t *value = row, *next = row + next_b;
        const int8_t *weight = weight_row;
        for (int32_t k = 0; k < taps.inner; k++) {
            const int16x8_t w = vldrbq_s16(weight);
            const int16x8_t x = vaddq_s16(vldrbq_s16(value), in_offset);
            even = vaddq_s32(even, vmullbq_int_s16(x, w));
            odd = vaddq_s32(odd, vmulltq_int_s16(x, w));
            const int16x8_t z = vaddq_s16(vldrbq_s16(next), in_offset);
            next_even = vaddq_s32(next_even, vmullbq_int_s16(z, w));
            next_odd = vaddq_s32(next_odd, vmulltq_int_s16(z, w));
            value += taps.inner_b;
            next += taps.inner_b;
            weight += taps.weight_b;
        }
    }
    vstrbq_s16(out + c, result_of(op, even, odd, channels));
    vstrbq_s16(out + op->out_c + c, result_of(op, next_even, next_odd, channels));
}

/* Compute the channels of a pixel from `c` on. */
static void pixel(const struct depthwise_conv_2d_mve *op, struct taps taps, int32_t c,
                  int8_t *out) {
    for (; c < op->out_c; c += 8) {
        if (op->multiplier > 1) {
            eight(op, taps, c, true, true, out);
        } else if (op->out_c - c < 8) {
            eight(op, taps, c, false, true, out);
        } else {
            eight(op, taps, c, false, false, out);
        }
    }
}

void depthwise_conv_2d_mve(const struct depthwise_conv_2d_mve *op, const int8_t *in, int8_t *out) {
    const int32_t next_b = op->stride_w * op->in_c;
    const int32_t eights = op->multiplier > 1 ? 0 : op->out_c & ~7;
    for (int32_t y = 0; y < op->out_h; y++) {
        const struct span rows =
            inside(y * op->stride_h - op->pad_top, op->in_h, op->kernel_h, op->dilation_h);
        for (int32_t x = 0; x < op->out_w; x++, out += op->out_c) {
            const int32_t left = x * op->stride_w - op->pad_left;
            const struct span columns = inside(left, op->in_w, op->kernel_w, op->dilation_w);
            const struct taps taps = taps_of(op, in, rows, columns);
            struct span after = {0, -1, 0};
            if (eights > 0 && x + 1 < op->out_w) {
                after = inside(left + op->stride_w, op->in_w, op->kernel_w, op->dilation_w);
            }
            if (after.from != columns.from || after.to != columns.to) {
                pixel(op, taps, 0, out);
                continue;
            }
            for (int32_t c = 0; c < eights; c += 8) {
                eight_of_two(op, taps, next_b, c, out);
            }
            if (eights < op->out_c) {
                pixel(op, taps, eights, out);
                pixel(op, taps_of(op, in, rows, after), eights, out + op->out_c);
            }
            x++;
            out += op->out_c;
        }
    }
}
