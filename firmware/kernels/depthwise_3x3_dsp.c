/* Depthwise 3x3 convolution of planar images with DSP instructions. */
#include "dsp.h"

#include <stdbool.h>

typedef int16_t __attribute__((may_alias)) half;

/* A plane with its border is convolved two outputs at a time. Rows of weights are pairs of int16:
 * (w0, w1) and (w1, w2), all of them twice as large, as are the sums then. */
struct plane {
    int32_t weights[3][2];
    int32_t multiplier, rounding, right_shift, bias_x2; /* output stage */
    int32_t end;                                        /* of the row's pairs; the loop's own */
    int32_t rows;                                       /* of the output */
    int32_t pairs_b, odd;                               /* outputs in a row: even part, and rest */
    int32_t next_row_b; /* from where a row's pairs end to where the next row begins */
};

/* Convolve a plane whose rows are `row_b` bytes apart, horizontal stride 1 or 2, where no output
 * is clamped but to int8, and halves below zero may be rounded either way.
 *
 * In assembly, for the loop needs all the registers there are: three rows of input (r0-r2) and of
 * weights (r3-r8), inputs (r9, r10), two sums (r11, r12) and the output (lr). The rest of the
 * plane's description is on the stack. */
void convolve_1(const packed *in, const struct plane *plane, int8_t *out, int32_t row_b);
void convolve_2(const packed *in, const struct plane *plane, int8_t *out, int32_t row_b);

__asm__(".macro both_1 in, w01, w12\n" /* inputs x0 .. x3: outputs from x0 and from x1 on */
        "   ldrd   r9, r10, [\\in], #4\n"
        "   smlad  r11, r9, \\w01, r11\n"
        "   smlabt r11, r10, \\w12, r11\n"
        "   smlatb r12, r9, \\w01, r12\n"
        "   smlad  r12, r10, \\w12, r12\n"
        ".endm\n"
        ".macro both_2 in, w01, w12\n" /* inputs x0 .. x4: outputs from x0 and from x2 on */
        "   ldrd   r9, r10, [\\in], #8\n"
        "   smlad  r11, r9, \\w01, r11\n"
        "   smlabt r11, r10, \\w12, r11\n"
        "   smlad  r12, r10, \\w01, r12\n"
        "   ldr    r9, [\\in]\n"
        "   smlabt r12, r9, \\w12, r12\n"
        ".endm\n"
        ".macro one in, w01, w12\n"
        "   ldrd   r9, r10, [\\in]\n"
        "   smlad  r11, r9, \\w01, r11\n"
        "   smlabt r11, r10, \\w12, r11\n"
        ".endm\n"
        ".macro convolve stride\n"
        ".section .text.convolve_\\stride, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type convolve_\\stride, %function\n"
        "convolve_\\stride:\n"
        "   push   {r4-r11, lr}\n"
        "   sub    sp, sp, #36\n"
        "   add    r12, r1, #24\n"
        "   ldm    r12, {r4-r12}\n"
        "   stm    sp, {r4-r12}\n"
        "   mov    r12, r1\n"
        "   mov    lr, r2\n"
        "   add    r1, r0, r3\n"
        "   add    r2, r1, r3\n"
        "   ldm    r12, {r3-r8}\n"
        "1: ldr    r9, [sp, #24]\n" /* pairs_b */
        "   add    r10, lr, r9\n"
        "   str    r10, [sp, #16]\n" /* end */
        "   cmp    r9, #0\n"
        "   beq    3f\n"
        "2: ldr    r11, [sp, #12]\n" /* bias_x2 */
        "   mov    r12, r11\n"
        "   both_\\stride r0, r3, r4\n"
        "   both_\\stride r1, r5, r6\n"
        "   both_\\stride r2, r7, r8\n"
        "   ldrd   r9, r10, [sp]\n" /* multiplier, rounding */
        "   smmlar r11, r11, r9, r10\n"
        "   smmlar r12, r12, r9, r10\n"
        "   ldr    r9, [sp, #8]\n" /* right_shift */
        "   ldr    r10, [sp, #16]\n"
        "   asr    r11, r11, r9\n"
        "   asr    r12, r12, r9\n"
        "   ssat   r11, #8, r11\n"
        "   ssat   r12, #8, r12\n"
        "   strb   r11, [lr], #1\n"
        "   strb   r12, [lr], #1\n"
        "   cmp    lr, r10\n"
        "   bne    2b\n"
        "3: ldr    r9, [sp, #28]\n" /* odd */
        "   cmp    r9, #0\n"
        "   beq    4f\n"
        "   ldr    r11, [sp, #12]\n"
        "   one    r0, r3, r4\n"
        "   one    r1, r5, r6\n"
        "   one    r2, r7, r8\n"
        "   ldrd   r9, r10, [sp]\n"
        "   smmlar r11, r11, r9, r10\n"
        "   ldr    r9, [sp, #8]\n"
        "   asr    r11, r11, r9\n"
        "   ssat   r11, #8, r11\n"
        "   strb   r11, [lr], #1\n"
        "4: ldr    r9, [sp, #32]\n" /* next_row_b */
        "   add    r0, r0, r9\n"
        "   add    r1, r1, r9\n"
        "   add    r2, r2, r9\n"
        "   ldr    r9, [sp, #20]\n" /* rows */
        "   subs   r9, r9, #1\n"
        "   str    r9, [sp, #20]\n"
        "   bne    1b\n"
        "   add    sp, sp, #36\n"
        "   pop    {r4-r11, pc}\n"
        ".size convolve_\\stride, . - convolve_\\stride\n"
        ".endm\n"
        "   convolve 1\n"
        "   convolve 2\n"
        ".purgem convolve\n"
        ".purgem one\n"
        ".purgem both_2\n"
        ".purgem both_1\n"
        ".text\n");

/* Copy a plane to int16, inside its border. */
static void widen(const struct depthwise_3x3_dsp *op, const int8_t *in, packed *plane) {
    half *row = (half *)plane;
    row += op->pad_top * op->plane_w + op->pad_left;
    const int32_t words = op->in_w / 4;
    const int32_t left = op->in_w % 4;
    for (int32_t y = 0; y < op->in_h; y++, row += op->plane_w) {
        packed_anywhere *to = (packed_anywhere *)row;
        for (const int8_t *end = in + 4 * words; in != end; in += 4, to += 2) {
            const int32_t bytes = *(const packed_anywhere *)in;
            const int32_t even = even_bytes(bytes);
            const int32_t odd = odd_bytes(bytes);
            to[0] = pack(even, odd);
            to[1] = pack_high(even, odd);
        }
        for (int32_t x = 4 * words; x < 4 * words + left; x++) {
            row[x] = *in++;
        }
    }
}

/* Convolve a plane with any limits, rounding as the reference does; weights are not doubled. */
static int8_t *convolve_exact(const struct depthwise_3x3_dsp *op, const packed *plane,
                              const int32_t w[3][2], const struct channel_dsp *channel,
                              int8_t *out) {
    const int32_t row = op->plane_w;
    const half *in = (const half *)plane;
    for (int32_t y = 0; y < op->out_h; y++, in += op->stride_h * row) {
        for (int32_t x = 0; x < op->out_w; x++) {
            const half *from = in + x * op->stride_w;
            int32_t sum = 0;
#pragma GCC unroll 3
            for (int32_t i = 0; i < 3; i++, from += row) {
                sum = __smlad(*(const packed_anywhere *)from, w[i][0], sum);
                sum = __smlabt(from[2], w[i][1], sum);
            }
            *out++ = output_exact(sum, channel, op->out_min, op->out_max);
        }
    }
    return out;
}

void depthwise_3x3_dsp(const struct depthwise_3x3_dsp *op, const int8_t *in, int8_t *out,
                       void *scratch) {
    const bool exact = op->exact_negatives || op->out_min > INT8_MIN || op->out_max < INT8_MAX;
    const packed *weights = (const packed *)op->weights;
    const int32_t row_b = 2 * op->plane_w;
    const int32_t pairs_b = op->out_w & ~1;
    struct plane plane = {
        .rows = op->out_h,
        .pairs_b = pairs_b,
        .odd = op->out_w & 1,
        .next_row_b = op->stride_h * row_b - 2 * op->stride_w * pairs_b,
    };
    packed *words = scratch;
    for (int32_t i = 0; i < op->plane_h * op->plane_w / 2; i++) {
        words[i] = pack(op->in_zero_point, op->in_zero_point);
    }
    for (int32_t c = 0; c < op->channel_count; c++) {
        const struct channel_dsp *channel = &op->channels[c];
        for (int32_t i = 0; i < 3; i++, weights++) {
            plane.weights[i][0] = even_bytes(*weights);
            plane.weights[i][1] = odd_bytes(*weights);
        }
        widen(op, in, scratch);
        in += op->in_h * op->in_w;
        if (exact) {
            out = convolve_exact(op, scratch, plane.weights, channel, out);
            continue;
        }
        for (int32_t i = 0; i < 3; i++) {
            plane.weights[i][0] = __sadd16(plane.weights[i][0], plane.weights[i][0]);
            plane.weights[i][1] = __sadd16(plane.weights[i][1], plane.weights[i][1]);
        }
        plane.multiplier = channel->multiplier;
        plane.rounding = channel->rounding;
        plane.right_shift = channel->right_shift;
        plane.bias_x2 = channel->bias_x2;
        (op->stride_w == 1 ? convolve_1 : convolve_2)(scratch, &plane, out, row_b);
        out += op->out_h * op->out_w;
    }
}
