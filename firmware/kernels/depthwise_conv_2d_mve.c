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

/* Compute channels `c` to `c` + 7 of a pixel; past the last one where `part`. */
static inline __attribute__((always_inline)) void eight(const struct depthwise_conv_2d_mve *op,
                                                        const int8_t *in, struct span rows,
                                                        struct span columns, int32_t c, bool many,
                                                        bool part, int8_t *out) {
    const int32_t *channels = op->channels + 4 * c;
    const int32_t row_b = op->dilation_h * op->in_w * op->in_c;
    const int32_t tap_b = op->dilation_w * op->in_c;
    const int32_t taps_b = (op->out_c + 7) & ~7;
    const mve_pred16_t there = vctp16q((uint32_t)(op->out_c - c));
    const int16x8_t in_offset = vdupq_n_s16((int16_t)op->in_offset);
    int32x4_t even = vldrwq_s32(channels);
    int32x4_t odd = vldrwq_s32(channels + 16);
    uint16x8_t places = vdupq_n_u16(0);
    const int8_t *row = in + (rows.place * op->in_w + columns.place) * op->in_c;
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
    /* The inner loop goes along a column where there is but one. */
    const bool one = op->kernel_w == 1;
    const int32_t inner = one ? rows.to - rows.from : columns.to - columns.from;
    const int32_t inner_b = one ? row_b : tap_b;
    const int8_t *weight_row = op->weights + (rows.from * op->kernel_w + columns.from) * taps_b + c;
    for (int32_t ky = one ? rows.to - 1 : rows.from; inner > 0 && ky < rows.to;
         ky++, row += row_b, weight_row += op->kernel_w * taps_b) {
        const int8_t *value = row;
        const int8_t *weight = weight_row;
        for (int32_t k = 0; k < inner; k++, value += inner_b, weight += taps_b) {
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
    const int32x4_t out_offset = vdupq_n_s32(op->out_offset);
    even = vaddq_s32(output_wide(even, channels), out_offset);
    odd = vaddq_s32(output_wide(odd, channels + 16), out_offset);
    int16x8_t result = vdupq_n_s16(0);
    result = vmovnbq_s32(result, limited(even, op->out_min, op->out_max));
    result = vmovntq_s32(result, limited(odd, op->out_min, op->out_max));
    vstrbq_p_s16(out + c, result, there);
}

void depthwise_conv_2d_mve(const struct depthwise_conv_2d_mve *op, const int8_t *in, int8_t *out) {
    const bool many = op->multiplier > 1;
    for (int32_t y = 0; y < op->out_h; y++) {
        const struct span rows =
            inside(y * op->stride_h - op->pad_top, op->in_h, op->kernel_h, op->dilation_h);
        for (int32_t x = 0; x < op->out_w; x++, out += op->out_c) {
            const struct span columns =
                inside(x * op->stride_w - op->pad_left, op->in_w, op->kernel_w, op->dilation_w);
            for (int32_t c = 0; c < op->out_c; c += 8) {
                if (many) {
                    eight(op, in, rows, columns, c, true, true, out);
                } else if (op->out_c - c < 8) {
                    eight(op, in, rows, columns, c, false, true, out);
                } else {
                    eight(op, in, rows, columns, c, false, false, out);
                }
            }
        }
    }
}
