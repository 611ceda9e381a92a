/* Depthwise convolution with DSP instructions of images as they lie: four channels at a time, by
 * the taps that lie inside the image. */
#include "direct.h"
#include "dsp.h"

#include <stdbool.h>

/* Compute outputs: halves are rounded either way and clamped to int8, or exactly. */
outputs_of outputs_clamped, outputs_exact;

#define TAPS                                                                                       \
    "   ldr    r7, [r1]\n"                                                                         \
    "   ldr    r8, [r2], #4\n"                                                                     \
    "   add    r1, r1, r11\n"                                                                      \
    "   sxtab16 r9, lr, r7\n"                                                                      \
    "   sxtb16 r10, r8\n"                                                                          \
    "   smlabb r3, r9, r10, r3\n"                                                                  \
    "   smlatt r5, r9, r10, r5\n"                                                                  \
    "   sxtab16 r7, lr, r7, ror #8\n"                                                              \
    "   sxtb16 r8, r8, ror #8\n"                                                                   \
    "   smlabb r4, r7, r8, r4\n"                                                                   \
    "   smlatt r6, r7, r8, r6\n"

OUTPUTS_THUMB2("outputs_clamped", TAPS,
               ".irp sum, r3, r4, r5, r6\n"
               "   ldm    r1!, {r7-r10}\n"
               "   add    \\sum, r7, \\sum, lsl #1\n"
               "   smmlar \\sum, \\sum, r8, r9\n"
               "   asr    \\sum, \\sum, r10\n"
               "   ssat   \\sum, #8, \\sum\n"
               "   strb   \\sum, [r2], #1\n"
               ".endr\n");

OUTPUTS_THUMB2("outputs_exact", TAPS,
               "   ldrd   r12, lr, [r0, #36]\n" /* min, max */
               ".irp sum, r3, r4, r5, r6\n"
               "   ldm    r1!, {r7-r10}\n"
               "   add    \\sum, r7, \\sum, lsl #1\n"
               "   smmulr \\sum, \\sum, r8\n"
               "   add    \\sum, \\sum, \\sum, asr #31\n"
               "   add    \\sum, \\sum, r9\n"
               "   asr    \\sum, \\sum, r10\n"
               "   cmp    \\sum, r12\n"
               "   it     lt\n"
               "   movlt  \\sum, r12\n"
               "   cmp    \\sum, lr\n"
               "   it     gt\n"
               "   movgt  \\sum, lr\n"
               "   strb   \\sum, [r2], #1\n"
               ".endr\n"
               "   ldr    lr, [r0, #32]\n"); /* offset */

void depthwise_direct_dsp(const struct depthwise_direct *op, const int8_t *in, int8_t *out,
                          void *scratch) {
    const bool exact = op->exact_negatives || op->out_min > INT8_MIN || op->out_max < INT8_MAX;
    const int32_t offset = pack(-op->in_zero_point, -op->in_zero_point);
    by_fours(op, in, out, scratch, offset, exact ? outputs_exact : outputs_clamped);
}
