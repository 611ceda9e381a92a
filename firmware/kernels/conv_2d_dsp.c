/* Convolution with DSP instructions: three pixels by two channels in the inner loop. */
#include "conv_2d_dsp.h"
#include "words.h"

#include <stdbool.h>

__asm__(".macro taps weight\n" /* a pair of each pixel's by two channels */
        "   smlad  r2, r8, \\weight, r2\n"
        "   smlad  r3, r9, \\weight, r3\n"
        "   smlad  r4, r10, \\weight, r4\n"
        "   sxtb16 \\weight, \\weight\n"
        "   smlad  r5, r8, \\weight, r5\n"
        "   smlad  r6, r9, \\weight, r6\n"
        "   smlad  r7, r10, \\weight, r7\n"
        ".endm\n"
        ".macro group\n"
        "   ldr    r11, [r1], #8\n"
        "   ldr    r12, [r1, #-4]\n"
        "   ldr    r8, [r0], #24\n"
        "   ldr    r9, [r0, #-20]\n"
        "   ldr    r10, [r0, #-16]\n"
        "   taps   r11\n"
        "   ldr    r8, [r0, #-12]\n"
        "   ldr    r9, [r0, #-8]\n"
        "   ldr    r10, [r0, #-4]\n"
        "   taps   r12\n"
        ".endm\n"
        /* What `groups` needs, from columns (r0) and groups (r2), to sp. */
        ".macro prepare turn\n"
        "   rsb    r8, r2, #0\n"
        "   and    r8, r8, #(\\turn - 1)\n" /* groups that the first turn of the loop lacks */
        "   mov    r9, #88\n"               /* bytes of a group's instructions */
        "   adr    r10, 1f\n"
        "   mla    r10, r8, r9, r10\n"
        "   orr    r10, r10, #1\n"
        "   lsl    r9, r2, #3\n" /* bytes of a pair's weights */
        "   str    r0, [sp]\n"
        "   strd   r9, r10, [sp, #4]\n"
        ".endm\n"
        /* All groups of one pair of channels, whose weights are at r1. */
        ".macro groups turn\n"
        "   ldr    r0, [sp]\n"
        "   ldr    lr, [sp, #4]\n"
        "   ldr    r8, [sp, #8]\n"
        "   add    lr, r1, lr\n"
        "   movs   r2, #0\n"
        "   movs   r3, #0\n"
        "   movs   r4, #0\n"
        "   movs   r5, #0\n"
        "   movs   r6, #0\n"
        "   movs   r7, #0\n"
        "   bx     r8\n"
        ".balign 4\n"
        "1: .rept \\turn\n"
        "   group\n"
        ".endr\n"
        "   cmp    r1, lr\n"
        "   bne    1b\n"
        "   subs   r2, r2, r5\n" /* 256 times the sums of the first channel */
        "   subs   r3, r3, r6\n"
        "   subs   r4, r4, r7\n"
        ".endm\n"
        /* The output stage of one channel: three sums to r0, lr bytes apart; its parameters are at
         * r8. `twice` is the shift that doubles a sum. Then on to the next channel. */
        ".macro output a, b, c, twice, exact\n"
        "   ldmia  r8!, {r9-r12}\n"
        "   add    \\a, r9, \\a, \\twice\n"
        "   add    \\b, r9, \\b, \\twice\n"
        "   add    \\c, r9, \\c, \\twice\n"
        ".if \\exact\n"
        "   smmulr \\a, \\a, r10\n"
        "   smmulr \\b, \\b, r10\n"
        "   smmulr \\c, \\c, r10\n"
        "   add    \\a, \\a, \\a, asr #31\n"
        "   add    \\b, \\b, \\b, asr #31\n"
        "   add    \\c, \\c, \\c, asr #31\n"
        "   add    \\a, \\a, r11\n"
        "   add    \\b, \\b, r11\n"
        "   add    \\c, \\c, r11\n"
        ".else\n"
        "   smmlar \\a, \\a, r10, r11\n"
        "   smmlar \\b, \\b, r10, r11\n"
        "   smmlar \\c, \\c, r10, r11\n"
        ".endif\n"
        "   asr    \\a, \\a, r12\n"
        "   asr    \\b, \\b, r12\n"
        "   asr    \\c, \\c, r12\n"
        "   ssat   \\a, #8, \\a\n"
        "   ssat   \\b, #8, \\b\n"
        "   ssat   \\c, #8, \\c\n"
        "   strb   \\a, [r0]\n"
        "   strb   \\b, [r0, lr]\n"
        "   strb   \\c, [r0, lr, lsl #1]\n"
        "   ldr    r9, [sp, #24]\n" /* channel_stride */
        "   add    r0, r0, r9\n"
        ".endm\n"
        ".section .text.dot_2x3, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".global dot_2x3\n"
        ".type dot_2x3, %function\n"
        "dot_2x3:\n"
        "   push   {r3-r11, lr}\n"
        "   sub    sp, sp, #16\n"
        "   prepare 4\n"
        "   groups 4\n"
        "   asr    r2, r2, #8\n"
        "   asr    r3, r3, #8\n"
        "   asr    r4, r4, #8\n"
        "   ldr    r8, [sp, #16]\n"
        "   stmia  r8, {r2-r7}\n"
        "   add    sp, sp, #20\n"
        "   pop    {r4-r11, pc}\n"
        ".size dot_2x3, . - dot_2x3\n"
        ".macro channels name, exact\n"
        ".section .text.\\name, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type \\name, %function\n"
        "\\name:\n"
        "   push   {r3-r11, lr}\n"
        "   sub    sp, sp, #32\n"
        "   ldm    r3, {r4-r8}\n" /* the target */
        "   lsl    r9, r2, #3\n"
        "   mla    r8, r8, r9, r1\n" /* where the weights of all pairs end */
        "   add    r9, sp, #12\n"
        "   stm    r9, {r4-r8}\n"
        "   prepare 8\n"
        "4: groups 8\n"
        "   ldr    r8, [sp, #12]\n" /* channels */
        "   ldr    r0, [sp, #16]\n" /* out */
        "   ldr    lr, [sp, #20]\n" /* pixel_stride */
        "   output r2, r3, r4, \"asr #7\", \\exact\n"
        "   output r5, r6, r7, \"lsl #1\", \\exact\n"
        "   str    r8, [sp, #12]\n"
        "   str    r0, [sp, #16]\n"
        "   ldr    r8, [sp, #28]\n"
        "   cmp    r1, r8\n"
        "   bne    4b\n"
        "   add    sp, sp, #36\n"
        "   pop    {r4-r11, pc}\n"
        ".size \\name, . - \\name\n"
        ".endm\n"
        "   channels channels_2x3, 0\n"
        "   channels channels_2x3_exact, 1\n"
        ".purgem channels\n"
        ".purgem output\n"
        ".purgem groups\n"
        ".purgem prepare\n"
        ".purgem group\n"
        ".purgem taps\n"
        ".text\n");

/* Copy the window with top left corner (y0, x0) to `patch`, with the zero point outside the image.
 */
static void copy_window(const struct conv_2d_dsp *op, const int8_t *in, int32_t y0, int32_t x0,
                        int8_t *patch) {
    const int32_t width = op->kernel_w * op->in_c;
    const int32_t left = x0 < 0 ? -x0 : 0;
    const int32_t beyond = x0 + op->kernel_w - op->in_w;
    const int32_t right = beyond > 0 ? beyond : 0;
    const int32_t inside = (op->kernel_w - left - right) * op->in_c;
    for (int32_t y = y0; y < y0 + op->kernel_h; y++, patch += width) {
        if (y < 0 || y >= op->in_h) {
            fill_bytes(patch, op->in_zero_point, width);
            continue;
        }
        const int8_t *row = in + (y * op->in_w + x0 + left) * op->in_c;
        if (inside == width) {
            copy_bytes(patch, row, width);
            continue;
        }
        fill_bytes(patch, op->in_zero_point, left * op->in_c);
        copy_bytes(patch + left * op->in_c, row, inside);
        fill_bytes(patch + left * op->in_c + inside, op->in_zero_point, right * op->in_c);
    }
}

/* Copy a window inside the image from `row` on, in whole words: what is copied beyond a row the
 * next one writes over, or is multiplied by zeros. */
static void copy_rows(const struct conv_2d_dsp *op, const int8_t *row, int8_t *patch) {
    const int32_t width = op->kernel_w * op->in_c, next = op->in_w * op->in_c;
    for (int32_t y = op->kernel_h; y > 0; y--, row += next, patch += width) {
        const packed_anywhere *from = (const packed_anywhere *)row;
        packed_anywhere *to = (packed_anywhere *)patch;
        int32_t left = width;
        for (; left > 8; left -= 12, from += 3, to += 3) {
            const int32_t a = from[0], b = from[1], c = from[2];
            to[0] = a, to[1] = b, to[2] = c;
        }
        for (; left > 0; left -= 4) {
            *to++ = *from++;
            no_library();
        }
    }
}

/* Bring the window with top left corner (y0, x0) into a column. */
static inline void gather(const struct conv_2d_dsp *op, const int8_t *in, int32_t y0, int32_t x0,
                          packed *column, int8_t *patch) {
    const int32_t width = op->kernel_w * op->in_c, row = op->in_w * op->in_c;
    const int32_t first = y0 * row + x0 * op->in_c;
    if (y0 < 0 || x0 < 0 || y0 + op->kernel_h > op->in_h || x0 + op->kernel_w > op->in_w) {
        copy_window(op, in, y0, x0, patch);
    } else if (width % 4 == 0) {
        in += first;
        for (int32_t rows = op->kernel_h; rows > 0; rows--) {
            unpack(in, width, column);
            in += row;
            column += width / 4 * GROUP_WORDS;
        }
        return;
    } else if (first + (op->kernel_h - 1) * row + width + 3 > op->in_h * row) {
        copy_window(op, in, y0, x0, patch);
    } else {
        copy_rows(op, in + first, patch);
    }
    unpack(patch, 4 * op->groups, column);
}

/* A window's top left corner. */
struct corner {
    int32_t y, x;
};

/* Bring the next windows into columns, each into the place `next` after the one before. */
static __attribute__((noinline)) void gather_windows(const struct conv_2d_dsp *op, const int8_t *in,
                                                     struct corner *corner, int32_t count,
                                                     packed *column, int32_t next, int8_t *patch) {
    const int32_t left = -op->pad_left, end = left + op->out_w * op->stride_w;
    int32_t y = corner->y, x = corner->x;
#pragma GCC unroll 1
    for (; count > 0; count--, column += next) {
        gather(op, in, y, x, column, patch);
        x += op->stride_w;
        if (x == end) {
            x = left;
            y += op->stride_h;
        }
    }
    *corner = (struct corner){y, x};
}

typedef int16_t __attribute__((may_alias)) half;

/* Bring three pixels side by side of planes into the columns. */
static inline void gather_planar(const struct conv_2d_dsp *op, const int8_t *in, packed *columns) {
    const int32_t plane = op->in_plane_h * op->in_w;
    int32_t left = op->in_c;
    for (; left >= 4; left -= 4, in += 4 * plane, columns += GROUP_WORDS) {
        for (int32_t i = 0; i < PIXELS; i++) {
            const int8_t *value = in + i;
            columns[i] = pack(value[0], value[2 * plane]);
            columns[PIXELS + i] = pack(value[plane], value[3 * plane]);
        }
    }
    for (int32_t c = 0; c < left; c++, in += plane) {
        half *to = (half *)(columns + (c & 1) * PIXELS) + (c >> 1);
        to[0] = in[0];
        to[2] = in[1];
        to[4] = in[2];
    }
}

/* The same of fewer, each into the place `next` after the one before. */
static __attribute__((noinline)) void gather_fewer(const struct conv_2d_dsp *op, const int8_t *in,
                                                   int32_t count, packed *column, int32_t next) {
    const int32_t plane = op->in_plane_h * op->in_w;
    for (; count > 0; count--, in++, column += next) {
        const int8_t *value = in;
        half *to = (half *)column;
        int32_t left = op->in_c;
        for (; left >= 4; left -= 4, to += 2 * GROUP_WORDS) {
            to[0] = *value, value += plane;
            to[2 * PIXELS] = *value, value += plane;
            to[1] = *value, value += plane;
            to[2 * PIXELS + 1] = *value, value += plane;
        }
        for (int32_t i = 0; i < left; i++, value += plane) {
            to[(i & 1) * 2 * PIXELS + (i >> 1)] = *value;
        }
    }
}

/* Store one channel of up to three pixels. */
static __attribute__((noinline)) void store(const struct conv_2d_dsp *op, const int32_t acc[PIXELS],
                                            int32_t channel, int32_t pixels, int32_t stride,
                                            bool exact, int8_t *out) {
    const struct channel_dsp parameters = op->channels[channel];
    out += channel * op->out_channel_stride;
#pragma GCC unroll 1
    for (int32_t i = 0; i < pixels; i++, out += stride) {
        *out = exact ? output_exact(acc[i], &parameters, op->out_min, op->out_max)
                     : output_clamped(acc[i], &parameters);
    }
}

/* Compute up to three pixels of the channels from `first` on, which is even. */
static __attribute__((noinline, noclone)) void channels(const struct conv_2d_dsp *op,
                                                        const packed *columns, int32_t first,
                                                        int32_t pixels, int32_t stride, bool exact,
                                                        int8_t *out) {
    const int32_t place = pixels == 1 ? PIXELS - 1 : 0;
    for (int32_t channel = first; channel < op->out_c; channel += 2) {
        int32_t acc[2][PIXELS];
        dot_2x3(columns, op->weights + 4 * op->groups * channel, op->groups, acc);
        store(op, acc[0] + place, channel, pixels, stride, exact, out);
        if (channel + 1 < op->out_c) {
            store(op, acc[1] + place, channel + 1, pixels, stride, exact, out);
        }
    }
}

/* What is the same for all pixels of a layer. */
struct layer {
    const struct conv_2d_dsp *op;
    packed *columns;
    channels_of *all;
    bool limited, exact;
};

/* Compute `count` pixels of all channels; `whole`: as if they were three. */
static inline void compute(const struct layer *layer, const struct target *target, int32_t count,
                           bool whole) {
    const struct conv_2d_dsp *op = layer->op;
    int32_t done = 0;
    if (whole && !layer->limited && target->pairs > 0) {
        layer->all(layer->columns, op->weights, op->groups, target);
        done = 2 * target->pairs;
    }
    if (done < op->out_c) {
        channels(op, layer->columns, done, count, target->pixel_stride, layer->exact, target->out);
    }
}

/* Compute pixels of planes, three at a time. */
static __attribute__((noinline)) void from_planes(const struct layer *layer, const int8_t *in,
                                                  const int8_t *end, struct target *target) {
    for (; in != end; in += PIXELS, target->out += PIXELS * target->pixel_stride) {
        gather_planar(layer->op, in, layer->columns);
        compute(layer, target, PIXELS, true);
    }
}

/* Where three pixels are computed, so are fewer, at the end: of one the last is stored last, all in
 * its place; of two the other way round, and with them once more the one before them. */
static void convolve(const struct conv_2d_dsp *op, const int8_t *in, int8_t *out, void *scratch,
                     channels_of *all) {
    const bool limited = op->out_min > INT8_MIN || op->out_max < INT8_MAX;
    const struct layer layer = {op, scratch, all, limited, op->exact_negatives || limited};
    int8_t *patch = (int8_t *)(layer.columns + op->groups * GROUP_WORDS);
    const int32_t pixels = op->out_h * op->out_w;
    struct target target = {op->channels, out, op->out_pixel_stride, op->out_channel_stride,
                            op->out_c / 2};
    struct corner corner = {-op->pad_top, -op->pad_left};
    int32_t first = 0;
    if (op->in_planar) {
        first = pixels / PIXELS * PIXELS;
        from_planes(&layer, in, in + first, &target);
    }
    for (; first < pixels; first += PIXELS, target.out += PIXELS * target.pixel_stride) {
        const int32_t count = pixels - first < PIXELS ? pixels - first : PIXELS;
        const bool whole = count != PIXELS - 1 || first > 0;
        packed *column = layer.columns;
        int32_t next = 1;
        if (count < PIXELS && whole) {
            column += PIXELS - count;
            next = -1;
            target.pixel_stride = count == 1 ? 0 : -op->out_pixel_stride;
            target.out -= target.pixel_stride;
        }
        if (op->in_planar) {
            gather_fewer(op, in + first, count, column, next);
        } else {
            gather_windows(op, in, &corner, count, column, next, patch);
        }
        compute(&layer, &target, count, whole);
    }
}

static void keep_and_convolve(const struct conv_2d_dsp *op, const int8_t *in, int8_t *out,
                              void *scratch, channels_of *all) {
    if (op->kept_at == 0) {
        convolve(op, in, out, scratch, all);
        return;
    }
    struct conv_2d_dsp kept = *op;
    int8_t *channels = (int8_t *)scratch + op->kept_at;
    const int32_t channels_b = op->out_c * (int32_t)sizeof *op->channels;
    copy_words(channels, op->channels, (uint32_t)channels_b / 4);
    copy_words(channels + channels_b, op->weights,
               (uint32_t)((op->out_c + 1) / 2 * 2 * op->groups));
    kept.channels = (const struct channel_dsp *)channels;
    kept.weights = channels + channels_b;
    convolve(&kept, in, out, scratch, all);
}

void conv_2d_dsp(const struct conv_2d_dsp *op, const int8_t *in, int8_t *out, void *scratch) {
    keep_and_convolve(op, in, out, scratch, channels_2x3);
}

void conv_2d_exact_dsp(const struct conv_2d_dsp *op, const int8_t *in, int8_t *out, void *scratch) {
    keep_and_convolve(op, in, out, scratch, channels_2x3_exact);
}
