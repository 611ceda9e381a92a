/* Depthwise 3x3 convolution of planar images with DSP instructions: two by two outputs at a time.
 */
#include "dsp.h"

#include <stdbool.h>

/* What a channel's outputs have in common. Weights and bias are times a power of two. */
struct plane {
    int32_t weights[5]; /* w00 w02, w10 w12, w20 w22; w01 w11, w21 0 */
    /* What is kept from here on has a number, below: */
    int32_t bias, multiplier, rounding, right_shift;
    int32_t out_w;
    int32_t all_b;              /* of a column of outputs */
    int32_t walks;              /* of two columns; of an odd number the last two may overlap */
    int32_t overlap;            /* 1 where they do, otherwise 0 */
    int32_t blocks;             /* of a walk but for one, times 2^16 */
    int32_t back_b, out_back_b; /* where the last overlaps that before it, from behind it */
    int32_t column_blocks;      /* the same of the last column, with four rows a block; */
    int32_t column_back_b, column_out_back_b; /* -1 where there is none that is left */
};

/* Convolve a plane of at least two by two outputs whose rows are some bytes apart, with stride 1 or
 * 2; none is clamped but to int8, and halves below zero may be rounded either way. A block is two
 * by two outputs, or four of a last column. The right shift is DEPTHWISE_3X3_DSP_SHIFT, or that of
 * the description.
 *
 * In assembly, for the loop needs all the registers there are: weights (r3-r7), four sums (r8-r11),
 * the even and the odd bytes of a word (r12, lr), where they come from and go to (r0-r2); the upper
 * half of r7 counts blocks. The rest is kept by number: in registers of the FPU, which take a cycle
 * where a load takes two, or on the stack. 14 is where a walk began, 15 where its outputs end. */
typedef void blocks(const int8_t *in, int32_t row_b, int8_t *out, const struct plane *plane);
blocks columns_1, rows_1, rows_2, columns_1_shifted, rows_1_shifted, rows_2_shifted;

_Static_assert(DEPTHWISE_3X3_DSP_SHIFT == 10, "as below");

__asm__(
#ifdef __ARM_FP
    ".macro keep_all\n"
    "   add    r12, r3, #20\n"
    "   vldm   r12, {s0-s13}\n"
    ".endm\n"
    ".macro keep from, number\n"
    "   vmov   s\\number, \\from\n"
    ".endm\n"
    ".macro recall to, number\n"
    "   vmov   \\to, s\\number\n"
    ".endm\n"
    ".macro room op\n"
    ".endm\n"
#else
    ".macro keep_all\n"
    "   add    r12, r3, #20\n"
    "   ldm    r12!, {r4-r10}\n"
    "   stm    sp, {r4-r10}\n"
    "   ldm    r12, {r4-r10}\n"
    "   add    r12, sp, #28\n"
    "   stm    r12, {r4-r10}\n"
    ".endm\n"
    ".macro keep from, number\n"
    "   str    \\from, [sp, #4 * \\number]\n"
    ".endm\n"
    ".macro recall to, number\n"
    "   ldr    \\to, [sp, #4 * \\number]\n"
    ".endm\n"
    ".macro room op\n"
    "   \\op    sp, sp, #68\n"
    ".endm\n"
#endif
    ".set   one_shift, 10\n"
    ".macro unpack from=r12\n"
    "   sxtb16 lr, \\from, ror #8\n"
    "   sxtb16 r12, \\from\n"
    ".endm\n"
    /* Outputs x0 w0 + x1 w1 + x2 w2 and x1 w0 + x2 w1 + x3 w2; `half` of r6 or r7 is w1. */
    ".macro row_1 a, b, outer, middle, half, from_a, from_b\n"
    "   smlad  \\a, r12, \\outer, \\from_a\n"
    "   smlab\\half \\a, lr, \\middle, \\a\n"
    "   smlad  \\b, lr, \\outer, \\from_b\n"
    "   smlat\\half \\b, r12, \\middle, \\b\n"
    ".endm\n"
    ".macro block_1 by_rows\n"
    "   ldr    r12, [r0]\n"
    "   ldr    r10, [r0, r1]\n"
    "   recall r11, 0\n" /* bias */
    "   unpack\n"
    "   row_1  r8, r9, r3, r6, b, r11, r11\n"
    "   unpack r10\n"
    "   row_1  r8, r9, r4, r6, t, r8, r9\n"
    "   row_1  r10, r11, r3, r6, b, r11, r11\n"
    ".if \\by_rows\n"
    "   ldr    r12, [r0, r1, lsl #1]\n"
    ".else\n"
    "   add    r0, r0, r1, lsl #1\n"
    "   ldr    r12, [r0]\n"
    ".endif\n"
    "   unpack\n"
    "   row_1  r8, r9, r5, r7, b, r8, r9\n"
    "   row_1  r10, r11, r4, r6, t, r10, r11\n"
    ".if \\by_rows\n"
    "   add    lr, r0, r1\n"
    "   adds   r0, r0, #2\n"
    "   ldr    r12, [lr, r1, lsl #1]\n"
    ".else\n"
    "   ldr    r12, [r0, r1]\n"
    ".endif\n"
    "   unpack\n"
    "   row_1  r10, r11, r5, r7, b, r10, r11\n"
    ".endm\n"
    /* Outputs x0 w0 + x1 w1 + x2 w2 and x2 w0 + x3 w1 + x4 w2, in two parts. */
    ".macro fifth outer, b, from_b\n"
    "   smlabt \\b, lr, \\outer, \\from_b\n"
    ".endm\n"
    ".macro row_2 a, b, outer, middle, half, from_a\n"
    "   smlad  \\a, r12, \\outer, \\from_a\n"
    "   smlatb \\b, r12, \\outer, \\b\n"
    "   smlab\\half \\a, lr, \\middle, \\a\n"
    "   smlat\\half \\b, lr, \\middle, \\b\n"
    ".endm\n"
    ".macro five\n"
    "   ldr    r12, [r0]\n"
    "   ldrsb  lr, [r0, #4]\n"
    ".endm\n"
    ".macro block_2 by_rows\n"
    "   five\n"
    "   recall r11, 0\n"
    "   add    r0, r0, r1\n"
    "   fifth  r3, r9, r11\n"
    "   unpack\n"
    "   row_2  r8, r9, r3, r6, b, r11\n"
    "   five\n"
    "   add    r0, r0, r1\n"
    "   fifth  r4, r9, r9\n"
    "   unpack\n"
    "   row_2  r8, r9, r4, r6, t, r8\n"
    "   five\n"
    "   add    r0, r0, r1\n"
    "   fifth  r5, r9, r9\n"
    "   fifth  r3, r10, r11\n"
    "   unpack\n"
    "   row_2  r8, r9, r5, r7, b, r8\n"
    "   row_2  r11, r10, r3, r6, b, r11\n"
    "   five\n"
    "   add    r0, r0, r1\n"
    "   fifth  r4, r10, r10\n"
    "   unpack\n"
    "   row_2  r11, r10, r4, r6, t, r11\n"
    "   five\n"
    "   fifth  r5, r10, r10\n"
    "   sub    r0, r0, r1, lsl #2\n"
    "   adds   r0, r0, #4\n"
    "   unpack\n"
    "   row_2  r11, r10, r5, r7, b, r11\n"
    ".endm\n"
    /* The same of one output of a row. */
    ".macro three offset:vararg\n"
    "   ldr    r12, [r0 \\offset]\n"
    "   sxtb   lr, r12, ror #8\n"
    "   sxtb16 r12, r12\n"
    ".endm\n"
    ".macro output a, outer, middle, half, from\n"
    "   smlad  \\a, r12, \\outer, \\from\n"
    "   smlab\\half \\a, lr, \\middle, \\a\n"
    ".endm\n"
    ".macro block_of_column\n"
    "   three\n"
    "   recall r11, 0\n"
    "   output r8, r3, r6, b, r11\n"
    "   three  , r1\n"
    "   add    r0, r0, r1, lsl #1\n"
    "   output r8, r4, r6, t, r8\n"
    "   output r9, r3, r6, b, r11\n"
    "   three\n"
    "   output r8, r5, r7, b, r8\n"
    "   output r9, r4, r6, t, r9\n"
    "   output r10, r3, r6, b, r11\n"
    "   three  , r1\n"
    "   add    r0, r0, r1, lsl #1\n"
    "   output r9, r5, r7, b, r9\n"
    "   output r10, r4, r6, t, r10\n"
    "   output r11, r3, r6, b, r11\n"
    "   three\n"
    "   output r10, r5, r7, b, r10\n"
    "   output r11, r4, r6, t, r11\n"
    "   three  , r1\n"
    "   output r11, r5, r7, b, r11\n"
    ".endm\n"
    /* Four sums to int8; then r12 is out_w. */
    ".macro stage shifted\n"
    "   recall r12, 1\n" /* multiplier */
    "   recall lr, 2\n"  /* rounding */
    ".if \\shifted\n"
    "   smmlar r8, r8, r12, lr\n"
    "   smmlar r9, r9, r12, lr\n"
    "   smmlar r10, r10, r12, lr\n"
    "   smmlar r11, r11, r12, lr\n"
    "   recall lr, 3\n" /* right_shift */
    "   recall r12, 4\n"
    "   asr    r8, r8, lr\n"
    "   asr    r9, r9, lr\n"
    "   asr    r10, r10, lr\n"
    "   asr    r11, r11, lr\n"
    "   ssat   r8, #8, r8\n"
    "   ssat   r9, #8, r9\n"
    "   ssat   r10, #8, r10\n"
    "   ssat   r11, #8, r11\n"
    ".else\n"
    "   smmla  r8, r8, r12, lr\n"
    "   smmla  r9, r9, r12, lr\n"
    "   smmla  r10, r10, r12, lr\n"
    "   smmla  r11, r11, r12, lr\n"
    "   recall r12, 4\n"
    "   ssat   r8, #8, r8, asr #one_shift\n"
    "   ssat   r9, #8, r9, asr #one_shift\n"
    "   ssat   r10, #8, r10, asr #one_shift\n"
    "   ssat   r11, #8, r11, asr #one_shift\n"
    ".endif\n"
    ".endm\n"
    /* Go back to `loop` while blocks are left, and once more for one that overlaps. */
    ".macro go_on loop, back, out_back\n"
    "   subs   r7, r7, #0x10000\n"
    "   bcs    \\loop\n"
    "   recall r8, 15\n"
    "   cmp    r2, r8\n"
    "   beq    3f\n"
    "   recall r8, \\back\n"
    "   recall r9, \\out_back\n"
    "   sub    r0, r0, r8\n"
    "   subs   r2, r2, r9\n"
    "   uxth   r7, r7\n"
    "   b      \\loop\n"
    "3:\n"
    ".endm\n"
    ".macro begin blocks\n" /* a walk; and keep where its outputs end */
    "   recall r9, 5\n"     /* all_b */
    "   recall r8, \\blocks\n"
    "   add    r9, r2, r9\n"
    "   pkhbt  r7, r7, r8\n"
    "   keep   r9, 15\n"
    ".endm\n"
    ".macro blocks name, stride, by_rows, shifted\n"
    ".section .text.\\name, \"ax\", %progbits\n"
    ".balign 4\n"
    ".thumb_func\n"
    ".type \\name, %function\n"
    "\\name:\n"
    "   push   {r4-r11, lr}\n"
    "   room   sub\n"
    "   keep_all\n"
    "   ldm    r3, {r3-r7}\n"
    "1: begin  8\n"
    "   keep   r0, 14\n"
    "2: block_\\stride \\by_rows\n"
    "   stage  \\shifted\n"
    ".if \\by_rows\n"
    "   add    r12, r2, r12\n"
    "   strb   r8, [r2], #2\n"
    "   strb   r9, [r2, #-1]\n"
    ".else\n"
    "   strb   r8, [r2]\n"
    "   strb   r9, [r2, #1]\n"
    "   add    r2, r2, r12\n"
    "   strb   r10, [r2]\n"
    "   strb   r11, [r2, #1]\n"
    "   add    r2, r2, r12\n"
    ".endif\n"
    ".if \\by_rows && \\stride == 1\n"
    "   strb   r10, [r12]\n"
    "   strb   r11, [r12, #1]\n"
    ".endif\n"
    ".if \\by_rows && \\stride == 2\n" /* the other way around, above */
    "   strb   r11, [r12]\n"
    "   strb   r10, [r12, #1]\n"
    ".endif\n"
    "   go_on  2b, 9, 10\n"
    "   recall r0, 14\n"
    "   recall r9, 5\n"
    "   recall r8, 6\n"  /* walks */
    "   recall r10, 7\n" /* overlap */
    ".if \\by_rows\n"
    "   add    r0, r0, r1, lsl #(\\stride - 1)\n"
    ".else\n"
    "   subs   r2, r2, r9\n"
    "   adds   r0, r0, #\\stride\n"
    "   adds   r2, r2, #1\n"
    ".endif\n"
    "   subs   r8, r8, #1\n"
    "   beq    4f\n"
    "   keep   r8, 6\n"
    "   cmp    r8, r10\n"
    "   beq    1b\n"
    ".if \\by_rows\n"
    "   add    r0, r0, r1, lsl #(\\stride - 1)\n"
    "   add    r2, r2, r9\n"
    ".else\n"
    "   adds   r0, r0, #\\stride\n"
    "   adds   r2, r2, #1\n"
    ".endif\n"
    "   b      1b\n"
    "4:\n"
    ".if \\by_rows == 0\n"
    "   recall r8, 11\n" /* column_blocks */
    "   cmp    r8, #0\n"
    "   blt    4f\n"
    "   adds   r0, r0, #1\n"
    "   adds   r2, r2, #1\n"
    "   begin  11\n"
    "2: block_of_column\n"
    "   stage  \\shifted\n"
    "   strb   r8, [r2]\n"
    "   strb   r9, [r2, r12]\n"
    "   add    r2, r2, r12, lsl #1\n"
    "   strb   r10, [r2]\n"
    "   strb   r11, [r2, r12]\n"
    "   add    r2, r2, r12, lsl #1\n"
    "   go_on  2b, 12, 13\n"
    "4:\n"
    ".endif\n"
    "   room   add\n"
    "   pop    {r4-r11, pc}\n"
    ".size \\name, . - \\name\n"
    ".endm\n"
    "   blocks columns_1, 1, 0, 0\n"
    "   blocks rows_1, 1, 1, 0\n"
    "   blocks rows_2, 2, 1, 0\n"
    "   blocks columns_1_shifted, 1, 0, 1\n"
    "   blocks rows_1_shifted, 1, 1, 1\n"
    "   blocks rows_2_shifted, 2, 1, 1\n"
    ".purgem blocks\n"
    ".purgem begin\n"
    ".purgem go_on\n"
    ".purgem stage\n"
    ".purgem block_of_column\n"
    ".purgem output\n"
    ".purgem three\n"
    ".purgem block_2\n"
    ".purgem five\n"
    ".purgem row_2\n"
    ".purgem fifth\n"
    ".purgem block_1\n"
    ".purgem row_1\n"
    ".purgem unpack\n"
    ".purgem recall\n"
    ".purgem keep\n"
    ".purgem room\n"
    ".purgem keep_all\n"
    ".text\n");

/* Copy rows of more than 12 bytes, up to `end`, to where they are `row_b` apart: six words at once,
 * of which the last of a row overlap those before them. In assembly, for GCC spills registers. */
void copy_rows(const int8_t *in, const int8_t *end, int8_t *to, int32_t width, int32_t row_b);
__asm__(".section .text.copy_rows, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type copy_rows, %function\n"
        "copy_rows:\n"
        "   push   {r4-r11, lr}\n"
        "   subs   lr, r3, #24\n" /* where the last six begin, or the first three of them */
        "   it     lo\n"
        "   movlo  lr, #0\n"
        "1: add    r12, r0, lr\n"
        "   cmp    lr, #0\n"
        "   beq    3f\n"
        "   mov    r10, r0\n"
        "   mov    r11, r2\n"
        "2: ldr    r4, [r10]\n"
        "   ldr    r5, [r10, #4]\n"
        "   ldr    r6, [r10, #8]\n"
        "   ldr    r7, [r10, #12]\n"
        "   ldr    r8, [r10, #16]\n"
        "   ldr    r9, [r10, #20]\n"
        "   add    r10, r10, #24\n"
        "   cmp    r10, r12\n"
        "   str    r4, [r11]\n"
        "   str    r5, [r11, #4]\n"
        "   str    r6, [r11, #8]\n"
        "   str    r7, [r11, #12]\n"
        "   str    r8, [r11, #16]\n"
        "   str    r9, [r11, #20]\n"
        "   add    r11, r11, #24\n"
        "   blo    2b\n"
        "3: add    r0, r0, r3\n"
        "   add    r11, r2, lr\n"
        "   add    r10, r2, r3\n"
        "   ldr    r4, [r12]\n"
        "   ldr    r5, [r12, #4]\n"
        "   ldr    r6, [r12, #8]\n"
        "   ldr    r7, [r0, #-12]\n"
        "   ldr    r8, [r0, #-8]\n"
        "   ldr    r9, [r0, #-4]\n"
        "   str    r4, [r11]\n"
        "   str    r5, [r11, #4]\n"
        "   str    r6, [r11, #8]\n"
        "   str    r7, [r10, #-12]\n"
        "   str    r8, [r10, #-8]\n"
        "   str    r9, [r10, #-4]\n"
        "   ldr    r11, [sp, #36]\n"
        "   cmp    r0, r1\n"
        "   add    r2, r2, r11\n"
        "   bne    1b\n"
        "   pop    {r4-r11, pc}\n"
        ".size copy_rows, . - copy_rows\n"
        ".text\n");

/* Copy a plane into one whose rows are longer; words may overlap, for the last is at a row's end.
 */
static __attribute__((noinline)) void copy_plane(const struct depthwise_3x3_dsp *op,
                                                 const int8_t *in, int8_t *to) {
    const int32_t width = op->in_w, row = op->plane_w;
    const int8_t *const end = in + op->in_h * width;
    if (width < 4) {
        for (; in != end; in += width, to += row) {
            for (int32_t x = 0; x < width; x++) {
                to[x] = in[x];
                no_library();
            }
        }
    } else if (width <= 8) {
        do {
            const int32_t first = *(const packed_anywhere *)in;
            const int32_t last = *(const packed_anywhere *)(in + width - 4);
            *(packed_anywhere *)to = first;
            *(packed_anywhere *)(to + width - 4) = last;
            in += width, to += row;
        } while (in != end);
    } else if (width <= 12) {
        do {
            const int32_t first = *(const packed_anywhere *)in;
            const int32_t second = *(const packed_anywhere *)(in + 4);
            const int32_t last = *(const packed_anywhere *)(in + width - 4);
            *(packed_anywhere *)to = first;
            *(packed_anywhere *)(to + 4) = second;
            *(packed_anywhere *)(to + width - 4) = last;
            in += width, to += row;
        } while (in != end);
    } else {
        copy_rows(in, end, to, width, row);
    }
}

/* Both halves times 2^shift. */
static inline int32_t times_power(int32_t halves, int32_t shift) {
    return pack(halves << shift, (halves >> 16) << shift);
}

static inline __attribute__((always_inline)) void convolve(const struct depthwise_3x3_dsp *op,
                                                           const int8_t *in, int8_t *out,
                                                           void *scratch, blocks *const walks[3],
                                                           bool shifted) {
    const packed *words = (const packed *)op->weights;
    const bool by_rows = op->stride == 2 || op->out_h < op->out_w;
    const int32_t walked = by_rows ? op->out_w : op->out_h;
    const int32_t across = by_rows ? op->out_h : op->out_w;
    const bool column = !by_rows && (across & 1) && walked >= 4;
    const int32_t step = by_rows ? 1 : op->plane_w, out_step = by_rows ? 1 : op->out_w;
    const int32_t twice = -walked & 3; /* outputs of a column that are computed twice */
    blocks *const walk = walks[by_rows ? op->stride : 0];
    struct plane plane;
    plane.out_w = op->out_w;
    plane.all_b = walked * out_step;
    plane.walks = (across + !column) / 2;
    plane.overlap = column ? 0 : across & 1;
    plane.blocks = (walked / 2 - 1) << 16;
    plane.back_b = op->stride * step;
    plane.out_back_b = out_step;
    plane.column_blocks = column ? (walked / 4 - 1) << 16 : -1;
    plane.column_back_b = twice * step;
    plane.column_out_back_b = twice * out_step;
    int8_t *const inside = (int8_t *)scratch + op->pad_top * op->plane_w + op->pad_left;
    fill_bytes(scratch, op->in_zero_point, op->plane_h * op->plane_w);
    for (int32_t c = 0; c < op->channel_count; c++, words += 3) {
        const struct channel_dsp *channel = &op->channels[c];
        const int32_t power = shifted ? 1 : channel->right_shift;
        plane.weights[0] = times_power(even_bytes(words[0]), power);
        plane.weights[1] = times_power(even_bytes(words[1]), power);
        plane.weights[2] = times_power(even_bytes(words[2]), power);
        plane.weights[3] = times_power(odd_bytes(words[0]), power);
        plane.weights[4] = odd_bytes(words[1]) << power;
        copy_plane(op, in, inside);
        plane.multiplier = channel->multiplier;
        plane.rounding = channel->rounding;
        plane.right_shift = channel->right_shift;
        plane.bias = channel->bias_x2;
        walk(scratch, op->plane_w, out, &plane);
        in += op->in_channel_stride;
        out += op->out_channel_stride;
    }
}

void depthwise_3x3_dsp(const struct depthwise_3x3_dsp *op, const int8_t *in, int8_t *out,
                       void *scratch) {
    static blocks *const walks[3] = {columns_1, rows_1, rows_2};
    convolve(op, in, out, scratch, walks, false);
}

void depthwise_3x3_any_dsp(const struct depthwise_3x3_dsp *op, const int8_t *in, int8_t *out,
                           void *scratch) {
    static blocks *const walks[3] = {columns_1_shifted, rows_1_shifted, rows_2_shifted};
    convolve(op, in, out, scratch, walks, true);
}
