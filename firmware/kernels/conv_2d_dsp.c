/* Convolution with DSP instructions: three pixels by two channels in the inner loop. */
#include "conv_2d_dsp.h"

#include <stdbool.h>

__asm__(".macro group\n"
        "   ldrd   r11, r12, [r1], #8\n"
        "   ldmia  r0!, {r8-r10}\n"
        "   sxtb16 lr, r11\n"
        "   smlad  r2, r8, lr, r2\n"
        "   smlad  r3, r9, lr, r3\n"
        "   smlad  r4, r10, lr, r4\n"
        "   sxtb16 lr, r12\n"
        "   smlad  r5, r8, lr, r5\n"
        "   smlad  r6, r9, lr, r6\n"
        "   smlad  r7, r10, lr, r7\n"
        "   ldmia  r0!, {r8-r10}\n"
        "   sxtb16 lr, r11, ror #8\n"
        "   smlad  r2, r8, lr, r2\n"
        "   smlad  r3, r9, lr, r3\n"
        "   smlad  r4, r10, lr, r4\n"
        "   sxtb16 lr, r12, ror #8\n"
        "   smlad  r5, r8, lr, r5\n"
        "   smlad  r6, r9, lr, r6\n"
        "   smlad  r7, r10, lr, r7\n"
        ".endm\n"
        /* All groups of one pair of channels; [sp] is where the weights of whole turns of the
         * unrolled loop end, [sp, #4] where all of them do. */
        ".macro groups\n"
        "   movs   r2, #0\n"
        "   movs   r3, #0\n"
        "   movs   r4, #0\n"
        "   movs   r5, #0\n"
        "   movs   r6, #0\n"
        "   movs   r7, #0\n"
        "   ldr    r8, [sp]\n"
        "   cmp    r1, r8\n"
        "   beq    2f\n"
        "1: group\n"
        "   group\n"
        "   group\n"
        "   group\n"
        "   ldr    r8, [sp]\n"
        "   cmp    r1, r8\n"
        "   bne    1b\n"
        "2: ldr    r8, [sp, #4]\n"
        "   cmp    r1, r8\n"
        "   beq    3f\n"
        "   group\n"
        "   b      2b\n"
        "3:\n"
        ".endm\n"
        /* The output stage of one channel: three sums to r0, lr bytes apart; its parameters are at
         * r8. Then on to the next channel. */
        ".macro output a, b, c, exact\n"
        "   ldmia  r8!, {r9-r12}\n"
        "   add    \\a, r9, \\a, lsl #1\n"
        "   add    \\b, r9, \\b, lsl #1\n"
        "   add    \\c, r9, \\c, lsl #1\n"
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
        "   ldr    r9, [sp, #28]\n" /* channel_stride */
        "   add    r0, r0, r9\n"
        ".endm\n"
        ".section .text.dot_2x3, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".global dot_2x3\n"
        ".type dot_2x3, %function\n"
        "dot_2x3:\n"
        "   push   {r3-r11, lr}\n"
        "   add    r12, r1, r2, lsl #3\n"
        "   bic    lr, r2, #3\n"
        "   add    r11, r1, lr, lsl #3\n"
        "   push   {r11, r12}\n"
        "   groups\n"
        "   ldr    r8, [sp, #8]\n"
        "   stmia  r8, {r2-r7}\n"
        "   add    sp, sp, #12\n"
        "   pop    {r4-r11, pc}\n"
        ".size dot_2x3, . - dot_2x3\n"
        ".macro channels name, exact\n"
        ".section .text.\\name, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type \\name, %function\n"
        "\\name:\n"
        "   push   {r4-r11, lr}\n"
        "   ldm    r3, {r4-r8}\n"  /* the target */
        "   lsl    r10, r2, #3\n"  /* bytes of a pair's weights */
        "   bic    r9, r10, #31\n" /* ... in whole turns */
        "   push   {r0, r4-r10}\n" /* columns, target, bytes */
        "   sub    sp, sp, #12\n"  /* two ends, and 8 bytes stay the stack's unit */
        "4: ldrd   r8, r9, [sp, #36]\n"
        "   add    r8, r8, r1\n"
        "   add    r9, r9, r1\n"
        "   strd   r8, r9, [sp]\n"
        "   ldr    r0, [sp, #12]\n"
        "   groups\n"
        "   ldr    r8, [sp, #16]\n"     /* channels */
        "   ldrd   r0, lr, [sp, #20]\n" /* out, pixel_stride */
        "   output r2, r3, r4, \\exact\n"
        "   output r5, r6, r7, \\exact\n"
        "   strd   r8, r0, [sp, #16]\n"
        "   ldr    r8, [sp, #32]\n" /* pairs */
        "   subs   r8, r8, #1\n"
        "   str    r8, [sp, #32]\n"
        "   bne    4b\n"
        "   add    sp, sp, #44\n"
        "   pop    {r4-r11, pc}\n"
        ".size \\name, . - \\name\n"
        ".endm\n"
        "   channels channels_2x3, 0\n"
        "   channels channels_2x3_exact, 1\n"
        ".purgem channels\n"
        ".purgem output\n"
        ".purgem groups\n"
        ".purgem group\n"
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

/* Bring the window of output pixel `index` into a column. */
static void gather(const struct conv_2d_dsp *op, const int8_t *in, int32_t index, packed *column,
                   int8_t *patch) {
    const int32_t y0 = index / op->out_w * op->stride_h - op->pad_top;
    const int32_t x0 = index % op->out_w * op->stride_w - op->pad_left;
    const int32_t width = op->kernel_w * op->in_c;
    const bool inside =
        y0 >= 0 && x0 >= 0 && y0 + op->kernel_h <= op->in_h && x0 + op->kernel_w <= op->in_w;
    if (inside && width % 4 == 0) {
        const int8_t *row = in + (y0 * op->in_w + x0) * op->in_c;
        for (int32_t ky = 0; ky < op->kernel_h; ky++, row += op->in_w * op->in_c) {
            column = unpack(row, width, column);
        }
    } else {
        copy_window(op, in, y0, x0, patch);
        unpack(patch, 4 * op->groups, column);
    }
}

/* Bring three pixels of planes into the columns; `step` is 1, or 0 to repeat the first pixel. */
static void gather_planar(const struct conv_2d_dsp *op, const int8_t *in,
                          const int32_t pixel[PIXELS], packed *columns) {
    const int32_t plane = op->in_h * op->in_w;
    int32_t c = 0;
    for (; c + 4 <= op->in_c; c += 4, in += 4 * plane, columns += GROUP_WORDS) {
        for (int32_t i = 0; i < PIXELS; i++) {
            const int8_t *value = in + pixel[i];
            columns[i] = pack(value[0], value[2 * plane]);
            columns[PIXELS + i] = pack(value[plane], value[3 * plane]);
        }
    }
    for (; c < op->in_c; c++, in += plane) {
        int16_t __attribute__((may_alias)) *half = (void *)columns;
        for (int32_t i = 0; i < PIXELS; i++) {
            half[2 * ((c & 1) * PIXELS + i) + (c >> 1 & 1)] = in[pixel[i]];
        }
    }
}

/* Store one channel of up to three pixels. */
static void store(const struct conv_2d_dsp *op, const int32_t acc[PIXELS], int32_t channel,
                  int32_t pixels, bool exact, int8_t *out) {
    const struct channel_dsp parameters = op->channels[channel];
    out += channel * op->out_channel_stride;
    for (int32_t i = 0; i < pixels; i++, out += op->out_pixel_stride) {
        *out = exact ? output_exact(acc[i], &parameters, op->out_min, op->out_max)
                     : output_clamped(acc[i], &parameters);
    }
}

/* Compute up to three pixels of the channels from `first` on, which is even. */
static void channels(const struct conv_2d_dsp *op, const packed *columns, int32_t first,
                     int32_t pixels, bool exact, int8_t *out) {
    for (int32_t channel = first; channel < op->out_c; channel += 2) {
        int32_t acc[2][PIXELS];
        dot_2x3(columns, op->weights + 4 * op->groups * channel, op->groups, acc);
        store(op, acc[0], channel, pixels, exact, out);
        if (channel + 1 < op->out_c) {
            store(op, acc[1], channel + 1, pixels, exact, out);
        }
    }
}

void conv_2d_dsp(const struct conv_2d_dsp *op, const int8_t *in, int8_t *out, void *scratch) {
    packed *columns = scratch;
    int8_t *patch = (int8_t *)(columns + op->groups * GROUP_WORDS);
    const int32_t pixels = op->out_h * op->out_w;
    const bool limited = op->out_min > INT8_MIN || op->out_max < INT8_MAX;
    const bool exact = op->exact_negatives || limited;
    struct target target = {op->channels, out, op->out_pixel_stride, op->out_channel_stride,
                            op->out_c / 2};
    for (int32_t first = 0; first < pixels; first += PIXELS) {
        const int32_t count = pixels - first < PIXELS ? pixels - first : PIXELS;
        int32_t pixel[PIXELS]; /* the last one stands in for those beyond the end */
        for (int32_t i = 0; i < PIXELS; i++) {
            pixel[i] = first + (i < count ? i : count - 1);
        }
        if (op->in_planar) {
            gather_planar(op, in, pixel, columns);
        } else {
            for (int32_t i = 0; i < PIXELS; i++) {
                gather(op, in, pixel[i], columns + i, patch);
            }
        }
        int32_t done = 0;
        target.out = out + first * op->out_pixel_stride;
        if (count == PIXELS && !limited && target.pairs > 0) {
            (exact ? channels_2x3_exact : channels_2x3)(columns, op->weights, op->groups, &target);
            done = 2 * target.pairs;
        }
        channels(op, columns, done, count, exact, target.out);
    }
}
