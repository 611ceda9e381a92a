/* Convolution with DSP instructions: three pixels by two channels in the inner loop. */
#include "dsp.h"

#include <stdbool.h>
#include <string.h>

/* Pixels whose windows lie side by side in `columns`. A group of four taps takes six words there:
 * taps 0 and 2 of each pixel, then taps 1 and 3 of each pixel, as bytes unpack in pairs. */
#define PIXELS 3
#define GROUP_WORDS (2 * PIXELS)

/* acc[channel][pixel] = sum over `groups` (at least 1) of columns times the weights of two
 * channels.
 *
 * In assembly, for the loop needs all the registers there are: six sums (r2-r7), three pixels
 * (r8-r10), two words of weights (r11, r12) and one for a pair of them (lr). */
void dot_2x3(const packed *columns, const int8_t *weights, int32_t groups, int32_t acc[2][PIXELS]);

__asm__(".section .text.dot_2x3, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type dot_2x3, %function\n"
        "dot_2x3:\n"
        ".macro group\n"
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
        "   push   {r3-r11, lr}\n"
        "   add    r12, r1, r2, lsl #3\n" /* end of the weights */
        "   bic    lr, r2, #3\n"          /* groups in whole turns of the unrolled loop */
        "   add    r11, r1, lr, lsl #3\n" /* ... and where they end */
        "   push   {r11, r12}\n"
        "   movs   r2, #0\n"
        "   movs   r3, #0\n"
        "   movs   r4, #0\n"
        "   movs   r5, #0\n"
        "   movs   r6, #0\n"
        "   movs   r7, #0\n"
        "   cmp    r1, r11\n"
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
        "3: ldr    r8, [sp, #8]\n"
        "   stmia  r8, {r2-r7}\n"
        "   add    sp, sp, #12\n"
        "   pop    {r4-r11, pc}\n"
        ".purgem group\n"
        ".size dot_2x3, . - dot_2x3\n"
        ".text\n");

/* Unpack `count` int8 at any address into one pixel's place in the columns. */
static packed *unpack(const int8_t *values, int32_t count, packed *column) {
    const packed_anywhere *word = (const packed_anywhere *)values;
    for (const packed_anywhere *end = word + count / 4; word != end; column += GROUP_WORDS) {
        const int32_t bytes = *word++;
        column[0] = even_bytes(bytes);
        column[PIXELS] = odd_bytes(bytes);
    }
    return column;
}

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
            memset(patch, op->in_zero_point, (size_t)width);
            continue;
        }
        memset(patch, op->in_zero_point, (size_t)(left * op->in_c));
        memcpy(patch + left * op->in_c, in + (y * op->in_w + x0 + left) * op->in_c, (size_t)inside);
        memset(patch + left * op->in_c + inside, op->in_zero_point, (size_t)(right * op->in_c));
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
static inline __attribute__((always_inline)) void store(const struct conv_2d_dsp *op,
                                                        const int32_t acc[PIXELS],
                                                        const struct channel_dsp *channel,
                                                        int32_t pixels, bool exact, int8_t *out) {
#pragma GCC unroll 3
    for (int32_t i = 0; i < pixels; i++) {
        out[i * op->out_pixel_stride] =
            exact ? output_exact(acc[i], channel, op->out_min, op->out_max)
                  : output_clamped(acc[i], channel);
    }
}

/* Compute all channels of up to three pixels. */
static inline __attribute__((always_inline)) void channels(const struct conv_2d_dsp *op,
                                                           const packed *columns, int32_t pixels,
                                                           bool exact, int8_t *out) {
    const struct channel_dsp *channel = op->channels;
    const int8_t *weights = op->weights;
    for (int32_t left = op->out_c; left > 0; left -= 2) {
        int32_t acc[2][PIXELS];
        dot_2x3(columns, weights, op->groups, acc);
        weights += 8 * op->groups;
        store(op, acc[0], channel++, pixels, exact, out);
        out += op->out_channel_stride;
        if (left > 1) {
            store(op, acc[1], channel++, pixels, exact, out);
            out += op->out_channel_stride;
        }
    }
}

void conv_2d_dsp(const struct conv_2d_dsp *op, const int8_t *in, int8_t *out, void *scratch) {
    packed *columns = scratch;
    int8_t *patch = (int8_t *)(columns + op->groups * GROUP_WORDS);
    const int32_t pixels = op->out_h * op->out_w;
    const bool exact = op->exact_negatives || op->out_min > INT8_MIN || op->out_max < INT8_MAX;
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
        int8_t *target = out + first * op->out_pixel_stride;
        if (exact) {
            channels(op, columns, count, true, target);
        } else if (count == PIXELS) {
            channels(op, columns, PIXELS, false, target);
        } else {
            channels(op, columns, count, false, target);
        }
    }
}
