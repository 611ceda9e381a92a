/* Depthwise convolution with DSP instructions of images as they lie: four channels at a time, by
 * the taps that lie inside the image. */
#include "direct.h"
#include "dsp.h"

#include <stdbool.h>

/* Compute outputs: halves are rounded either way and clamped to int8, or exactly.
 *
 * In assembly, for the loop needs all the registers there are: the description (r0), inputs and
 * weights (r1, r2), four sums (r3-r6), two channels of each (r7-r10), the step to the next tap
 * (r11), what is left of a row (r12) and the offset (lr). On the stack are the rows that are left
 * and the window. */
outputs_of outputs_clamped, outputs_exact;

__asm__(".macro output sum, exact\n"
        "   ldm    r1!, {r7-r10}\n"
        "   add    \\sum, r7, \\sum, lsl #1\n"
        ".if \\exact\n"
        "   smmulr \\sum, \\sum, r8\n"
        "   add    \\sum, \\sum, \\sum, asr #31\n"
        "   add    \\sum, \\sum, r9\n"
        "   asr    \\sum, \\sum, r10\n"
        "   cmp    \\sum, r12\n" /* min, max */
        "   it     lt\n"
        "   movlt  \\sum, r12\n"
        "   cmp    \\sum, lr\n"
        "   it     gt\n"
        "   movgt  \\sum, lr\n"
        ".else\n"
        "   smmlar \\sum, \\sum, r8, r9\n"
        "   asr    \\sum, \\sum, r10\n"
        "   ssat   \\sum, #8, \\sum\n"
        ".endif\n"
        "   strb   \\sum, [r2], #1\n"
        ".endm\n"
        ".macro outputs name, exact\n"
        ".section .text.\\name, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type \\name, %function\n"
        "\\name:\n"
        "   push   {r4-r11, lr}\n"
        "   sub    sp, sp, #12\n"
        "   ldrd   r7, r12, [r0, #12]\n" /* out, window */
        "   ldrd   r11, lr, [r0, #28]\n" /* column_b, offset */
        "1: strd   r7, r12, [sp, #4]\n"
        "   ldm    r12, {r1, r2, r9}\n"
        "   ldrd   r7, r8, [r0]\n" /* in, weights */
        "   movs   r3, #0\n"
        "   movs   r4, #0\n"
        "   add    r1, r1, r7\n"
        "   add    r2, r2, r8\n"
        "   movs   r5, #0\n"
        "   movs   r6, #0\n"
        "2: str    r9, [sp]\n"
        "   ldr    r12, [r12, #12]\n" /* columns */
        "3: ldr    r7, [r1]\n"
        "   ldr    r8, [r2], #4\n"
        "   add    r1, r1, r11\n"
        "   sxtab16 r9, lr, r7\n"
        "   sxtb16 r10, r8\n"
        "   smlabb r3, r9, r10, r3\n"
        "   smlatt r5, r9, r10, r5\n"
        "   sxtab16 r7, lr, r7, ror #8\n"
        "   sxtb16 r8, r8, ror #8\n"
        "   smlabb r4, r7, r8, r4\n"
        "   smlatt r6, r7, r8, r6\n"
        "   subs   r12, r12, #1\n"
        "   bne    3b\n"
        "   ldr    r9, [sp]\n"
        "   ldr    r12, [sp, #8]\n"
        "   ldrd   r7, r8, [r12, #16]\n" /* next_row_b, next_weights_b */
        "   subs   r9, r9, #1\n"
        "   add    r1, r1, r7\n"
        "   add    r2, r2, r8\n"
        "   bne    2b\n"
        "   ldr    r1, [r0, #8]\n" /* channels */
        "   ldr    r2, [sp, #4]\n" /* out */
        ".if \\exact\n"
        "   ldrd   r12, lr, [r0, #36]\n"
        ".endif\n"
        "   output r3, \\exact\n"
        "   output r4, \\exact\n"
        "   output r5, \\exact\n"
        "   output r6, \\exact\n"
        "   ldr    r12, [sp, #8]\n"
        "   ldrd   r8, r7, [r0, #20]\n" /* end, next_out_b */
        ".if \\exact\n"
        "   ldr    lr, [r0, #32]\n"
        ".endif\n"
        "   add    r12, r12, #24\n"
        "   add    r7, r7, r2\n"
        "   cmp    r12, r8\n"
        "   bne    1b\n"
        "   add    sp, sp, #12\n"
        "   pop    {r4-r11, pc}\n"
        ".size \\name, . - \\name\n"
        ".endm\n"
        "   outputs outputs_clamped, 0\n"
        "   outputs outputs_exact, 1\n"
        ".purgem outputs\n"
        ".purgem output\n"
        ".text\n");

void depthwise_direct_dsp(const struct depthwise_direct *op, const int8_t *in, int8_t *out,
                          void *scratch) {
    const bool exact = op->exact_negatives || op->out_min > INT8_MIN || op->out_max < INT8_MAX;
    const int32_t offset = pack(-op->in_zero_point, -op->in_zero_point);
    by_fours(op, in, out, scratch, offset, exact ? outputs_exact : outputs_clamped);
}
