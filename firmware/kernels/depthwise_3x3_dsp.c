/* Depthwise 3x3 convolution of planar images with DSP instructions: two by two outputs at a time.
 */
#include "dsp.h"

#include <stdbool.h>

/* What a channel's outputs have in common. Weights are twice as large, as are the sums then. */
struct plane {
    int32_t weights[5]; /* w00 w02, w10 w12, w20 w22; w01 w11, w21 0 */
    int32_t multiplier, rounding, right_shift;
    int32_t out_w;
    int32_t even_b; /* of what is walked at once, up to an even number; of an odd one the last two
                       overlap */
    int32_t bias_x2;
    int32_t walks; /* of two columns or rows; of an odd number the last two overlap */
    int32_t last;  /* 1 where they do, otherwise 0 */
    int32_t all_b; /* of what is walked at once */
};

/* Convolve a plane of at least two by two outputs whose rows are some bytes apart, with stride 1 or
 * 2; none is clamped but to int8, and halves below zero may be rounded either way. Two columns of
 * the output are walked at once, or two rows: what is longer, for each walk has its beginning.
 *
 * In assembly, for the loop needs all the registers there are: weights (r3-r7), four sums (r8-r11),
 * the even and the odd bytes of a word (r12, lr), where they come from and go to (r0-r2). The rest
 * is on the stack, the end of a walk first, then what stands in the plane's description. */
typedef void blocks(const int8_t *in, int32_t row_b, int8_t *out, const struct plane *plane);
blocks columns_1, columns_2, rows_1, rows_2;

__asm__(".macro unpack\n"
        "   sxtb16 lr, r12, ror #8\n"
        "   sxtb16 r12, r12\n"
        ".endm\n"
        /* Outputs x0 w0 + x1 w1 + x2 w2 and x1 w0 + x2 w1 + x3 w2; `half` of r6 or r7 is w1. */
        ".macro row_1 a, b, outer, middle, half, from_a, from_b\n"
        "   smlad  \\a, r12, \\outer, \\from_a\n"
        "   smlab\\half \\a, lr, \\middle, \\a\n"
        "   smlad  \\b, lr, \\outer, \\from_b\n"
        "   smlat\\half \\b, r12, \\middle, \\b\n"
        ".endm\n"
        /* Outputs x0 w0 + x1 w1 + x2 w2 and x2 w0 + x3 w1. */
        ".macro row_2 a, b, outer, middle, half, from_a, from_b\n"
        "   smlad  \\a, r12, \\outer, \\from_a\n"
        "   smlab\\half \\a, lr, \\middle, \\a\n"
        "   smlatb \\b, r12, \\outer, \\from_b\n"
        "   smlat\\half \\b, lr, \\middle, \\b\n"
        ".endm\n"
        ".macro block_1 by_rows\n"
        "   ldr    r12, [r0]\n"
        "   ldr    r11, [sp, #24]\n" /* bias_x2 */
        "   unpack\n"
        "   row_1  r8, r9, r3, r6, b, r11, r11\n"
        "   ldr    r12, [r0, r1]\n"
        "   unpack\n"
        "   row_1  r8, r9, r4, r6, t, r8, r9\n"
        "   row_1  r10, r11, r3, r6, b, r11, r11\n"
        "   ldr    r12, [r0, r1, lsl #1]\n"
        "   unpack\n"
        "   row_1  r8, r9, r5, r7, b, r8, r9\n"
        "   row_1  r10, r11, r4, r6, t, r10, r11\n"
        "   add    lr, r0, r1\n"
        "   ldr    r12, [lr, r1, lsl #1]\n"
        ".if \\by_rows\n"
        "   adds   r0, r0, #2\n"
        ".else\n"
        "   add    r0, r0, r1, lsl #1\n"
        ".endif\n"
        "   unpack\n"
        "   row_1  r10, r11, r5, r7, b, r10, r11\n"
        ".endm\n"
        ".macro fifth b, outer\n" /* x4 w2 of the row, then on to the next */
        "   ldrsb  lr, [r0, #4]\n"
        "   add    r0, r0, r1\n"
        "   smlabt \\b, lr, \\outer, \\b\n"
        ".endm\n"
        ".macro block_2 by_rows\n"
        "   ldr    r12, [r0]\n"
        "   ldr    r11, [sp, #24]\n"
        "   unpack\n"
        "   row_2  r8, r9, r3, r6, b, r11, r11\n"
        "   fifth  r9, r3\n"
        "   ldr    r12, [r0]\n"
        "   unpack\n"
        "   row_2  r8, r9, r4, r6, t, r8, r9\n"
        "   fifth  r9, r4\n"
        "   ldr    r12, [r0]\n"
        "   unpack\n"
        "   row_2  r8, r9, r5, r7, b, r8, r9\n"
        "   row_2  r10, r11, r3, r6, b, r11, r11\n"
        "   ldrsb  lr, [r0, #4]\n"
        "   add    r0, r0, r1\n"
        "   ldr    r12, [r0]\n"
        "   smlabt r9, lr, r5, r9\n"
        "   smlabt r11, lr, r3, r11\n"
        "   unpack\n"
        "   row_2  r10, r11, r4, r6, t, r10, r11\n"
        "   fifth  r11, r4\n"
        "   ldr    r12, [r0]\n"
        "   unpack\n"
        "   row_2  r10, r11, r5, r7, b, r10, r11\n"
        "   ldrsb  lr, [r0, #4]\n"
        ".if \\by_rows\n"
        "   sub    r0, r0, r1, lsl #2\n"
        "   adds   r0, r0, #4\n"
        ".endif\n"
        "   smlabt r11, lr, r5, r11\n"
        ".endm\n"
        ".macro blocks name, stride, by_rows\n"
        ".section .text.\\name, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type \\name, %function\n"
        "\\name:\n"
        "   push   {r4-r11, lr}\n"
        "   sub    sp, sp, #52\n"
        "   add    r12, r3, #20\n"
        "   ldm    r12, {r4-r11, lr}\n"
        "   add    r12, sp, #4\n"
        "   stm    r12, {r4-r11, lr}\n"
        "   ldm    r3, {r3-r7}\n"
        "1: str    r0, [sp, #40]\n"
        "   ldr    r8, [sp, #20]\n" /* even_b */
        "   ldr    r9, [sp, #36]\n" /* all_b */
        "   add    r8, r2, r8\n"
        "   add    r9, r2, r9\n"
        "   str    r8, [sp]\n"
        "   str    r9, [sp, #44]\n"
        "2: block_\\stride \\by_rows\n"
        "   ldr    r12, [sp, #4]\n" /* multiplier */
        "   ldr    lr, [sp, #8]\n"  /* rounding */
        "   smmlar r8, r8, r12, lr\n"
        "   smmlar r9, r9, r12, lr\n"
        "   smmlar r10, r10, r12, lr\n"
        "   smmlar r11, r11, r12, lr\n"
        "   ldr    r12, [sp, #12]\n" /* right_shift */
        "   ldr    lr, [sp, #16]\n"
        "   asr    r8, r8, r12\n"
        "   asr    r9, r9, r12\n"
        "   asr    r10, r10, r12\n"
        "   asr    r11, r11, r12\n"
        "   ssat   r8, #8, r8\n"
        "   ssat   r9, #8, r9\n"
        "   ssat   r10, #8, r10\n"
        "   ssat   r11, #8, r11\n"
        "   add    r12, r2, lr\n"
        ".if \\by_rows\n"
        "   strb   r8, [r2], #2\n"
        "   strb   r9, [r2, #-1]\n"
        ".else\n"
        "   strb   r8, [r2]\n"
        "   strb   r9, [r2, #1]\n"
        ".endif\n"
        "   strb   r10, [r12]\n"
        "   strb   r11, [r12, #1]\n"
        ".if \\by_rows == 0\n"
        "   add    r2, r12, lr\n"
        ".endif\n"
        "   ldr    r8, [sp]\n"
        "   cmp    r2, r8\n"
        "   bne    2b\n"
        "   ldr    r8, [sp, #44]\n"
        "   cmp    r2, r8\n"
        "   beq    3f\n"
        "   str    r8, [sp]\n" /* the one before the last a second time */
        ".if \\by_rows\n"
        "   subs   r0, r0, #\\stride\n"
        "   subs   r2, r2, #1\n"
        ".else\n"
        "   sub    r0, r0, r1, lsl #(\\stride - 1)\n"
        "   sub    r2, r2, lr\n"
        ".endif\n"
        "   b      2b\n"
        "3: ldr    r0, [sp, #40]\n"
        "   ldr    r8, [sp, #28]\n"  /* walks */
        "   ldr    r10, [sp, #32]\n" /* last */
        ".if \\by_rows\n"
        "   add    r0, r0, r1, lsl #(\\stride - 1)\n"
        ".else\n"
        "   ldr    r9, [sp, #36]\n"
        "   subs   r2, r2, r9\n"
        "   adds   r0, r0, #\\stride\n"
        "   adds   r2, r2, #1\n"
        ".endif\n"
        "   subs   r8, r8, #1\n"
        "   beq    4f\n"
        "   str    r8, [sp, #28]\n"
        "   cmp    r8, r10\n"
        "   beq    1b\n"
        ".if \\by_rows\n"
        "   add    r0, r0, r1, lsl #(\\stride - 1)\n"
        "   add    r2, r2, lr\n"
        ".else\n"
        "   adds   r0, r0, #\\stride\n"
        "   adds   r2, r2, #1\n"
        ".endif\n"
        "   b      1b\n"
        "4: add    sp, sp, #52\n"
        "   pop    {r4-r11, pc}\n"
        ".size \\name, . - \\name\n"
        ".endm\n"
        "   blocks columns_1, 1, 0\n"
        "   blocks columns_2, 2, 0\n"
        "   blocks rows_1, 1, 1\n"
        "   blocks rows_2, 2, 1\n"
        ".purgem blocks\n"
        ".purgem block_2\n"
        ".purgem fifth\n"
        ".purgem block_1\n"
        ".purgem row_2\n"
        ".purgem row_1\n"
        ".purgem unpack\n"
        ".text\n");

/* Copy a plane into one whose rows are longer; the last word of a row may overlap the one before.
 */
static void copy_plane(const struct depthwise_3x3_dsp *op, const int8_t *in, int8_t *to) {
    const int32_t width = op->in_w, row = op->plane_w, tail = width - 4;
    const int8_t *const end = in + op->in_h * width;
    if (width > 4 && width <= 8) {
        for (; in != end; in += width, to += row) {
            const int32_t first = *(const packed_anywhere *)in;
            const int32_t last = *(const packed_anywhere *)(in + tail);
            *(packed_anywhere *)to = first;
            *(packed_anywhere *)(to + tail) = last;
        }
        return;
    }
    if (width < 4) {
        for (; in != end; in += width, to += row) {
            for (int32_t x = 0; x < width; x++) {
                to[x] = in[x];
                no_library();
            }
        }
        return;
    }
    const int32_t words = width / 4, sixes = words / 6, left = words % 6;
    for (; in != end; in += width, to += row) {
        const packed_anywhere *from = (const packed_anywhere *)in;
        packed_anywhere *word = (packed_anywhere *)to;
        for (int32_t i = sixes; i > 0; i--, from += 6, word += 6) {
            const int32_t a = from[0], b = from[1], c = from[2];
            const int32_t d = from[3], e = from[4], f = from[5];
            word[0] = a, word[1] = b, word[2] = c;
            word[3] = d, word[4] = e, word[5] = f;
            no_library();
        }
        int32_t i = left;
        if (i >= 3) {
            const int32_t a = from[0], b = from[1], c = from[2];
            word[0] = a, word[1] = b, word[2] = c;
            from += 3, word += 3, i -= 3;
        }
        for (; i > 0; i--) {
            *word++ = *from++;
            no_library();
        }
        if (width & 3) {
            *(packed_anywhere *)(to + tail) = *(const packed_anywhere *)(in + tail);
        }
    }
}

static inline int32_t twice(int32_t halves) {
    return __sadd16(halves, halves);
}

void depthwise_3x3_dsp(const struct depthwise_3x3_dsp *op, const int8_t *in, int8_t *out,
                       void *scratch) {
    const packed *words = (const packed *)op->weights;
    const bool by_rows = op->out_h < op->out_w;
    const int32_t walked = by_rows ? op->out_w : op->out_h,
                  across = by_rows ? op->out_h : op->out_w;
    const int32_t step = by_rows ? 1 : op->out_w;
    blocks *const walk =
        by_rows ? (op->stride == 1 ? rows_1 : rows_2) : (op->stride == 1 ? columns_1 : columns_2);
    struct plane plane = {
        .out_w = op->out_w,
        .even_b = (walked & ~1) * step,
        .walks = (across + 1) / 2,
        .last = across & 1,
        .all_b = walked * step,
    };
    int8_t *const inside = (int8_t *)scratch + op->pad_top * op->plane_w + op->pad_left;
    fill_bytes(scratch, op->in_zero_point, op->plane_h * op->plane_w);
    for (int32_t c = 0; c < op->channel_count; c++, words += 3) {
        const struct channel_dsp *channel = &op->channels[c];
        plane.weights[0] = twice(even_bytes(words[0]));
        plane.weights[1] = twice(even_bytes(words[1]));
        plane.weights[2] = twice(even_bytes(words[2]));
        plane.weights[3] = twice(odd_bytes(words[0]));
        plane.weights[4] = twice(odd_bytes(words[1]));
        copy_plane(op, in, inside);
        plane.multiplier = channel->multiplier;
        plane.rounding = channel->rounding;
        plane.right_shift = channel->right_shift;
        plane.bias_x2 = channel->bias_x2;
        walk(scratch, op->plane_w, out, &plane);
        in += op->in_channel_stride;
        out += op->out_channel_stride;
    }
}
