/* Fully connected layer with DSP instructions: four channels at a time. */
#include "dsp.h"

#include <stdbool.h>
#include <string.h>

#define CHANNELS 4

/* dot_4: in assembly, for GCC loads the weights one by one: four sums (r4-r7), four words of
 * weights (r8-r11), two pairs of inputs (r12, lr) and one of weights (r3). */
__asm__(".section .text.dot_4, \"ax\", %progbits\n"
        ".balign 4\n"
        ".global dot_4\n"
        ".thumb_func\n"
        ".type dot_4, %function\n"
        "dot_4:\n"
        ".macro channel weights, sum\n"
        "   sxtb16 r3, \\weights\n"
        "   smlad  \\sum, r12, r3, \\sum\n"
        "   sxtb16 r3, \\weights, ror #8\n"
        "   smlad  \\sum, lr, r3, \\sum\n"
        ".endm\n"
        ".macro group\n"
        "   ldr    lr, [r0], #4\n"
        "   ldmia  r1!, {r8-r11}\n"
        "   sxtb16 r12, lr\n"
        "   sxtb16 lr, lr, ror #8\n"
        "   channel r8, r4\n"
        "   channel r9, r5\n"
        "   channel r10, r6\n"
        "   channel r11, r7\n"
        ".endm\n"
        "   push   {r3-r11, lr}\n"
        "   ldmia  r3, {r4-r7}\n"
        "   add    r8, r0, r2, lsl #2\n" /* end of the inputs */
        "   push   {r0, r8}\n"
        "   bic    r2, r2, #3\n"         /* groups in whole turns of the unrolled loop */
        "   add    r2, r0, r2, lsl #2\n" /* ... and where they end */
        "   cmp    r0, r2\n"
        "   beq    2f\n"
        "1: group\n"
        "   group\n"
        "   group\n"
        "   group\n"
        "   cmp    r0, r2\n"
        "   bne    1b\n"
        "2: ldr    r2, [sp, #4]\n"
        "   cmp    r0, r2\n"
        "   beq    4f\n"
        "3: group\n"
        "   cmp    r0, r2\n"
        "   bne    3b\n"
        "4: ldr    r3, [sp, #8]\n"
        "   stmia  r3, {r4-r7}\n"
        "   add    sp, sp, #12\n"
        "   pop    {r4-r11, pc}\n"
        ".purgem group\n"
        ".purgem channel\n"
        ".size dot_4, . - dot_4\n"
        ".text\n");

void fully_connected_dsp(const struct fully_connected_dsp *op, const int8_t *in, int8_t *out) {
    const bool exact = op->exact_negatives || op->out_min > INT8_MIN || op->out_max < INT8_MAX;
    const int8_t *weights = op->weights;
    const int32_t groups = op->in_c / 4;
    const int32_t left = op->in_c % 4;
    int8_t last[4] = {0}; /* the inputs that do not fill a group */
    memcpy(last, in + 4 * groups, (size_t)left);
    for (int32_t c = 0; c < op->out_c; c += CHANNELS) {
        int32_t sum[CHANNELS] = {0};
        dot_4(in, weights, groups, sum);
        weights += 4 * CHANNELS * groups;
        if (left > 0) {
            dot_4(last, weights, 1, sum);
            weights += 4 * CHANNELS;
        }
        for (int32_t i = 0; i < CHANNELS && c + i < op->out_c; i++) {
            const struct channel_dsp *channel = &op->channels[c + i];
            out[c + i] = exact ? output_exact(sum[i], channel, op->out_min, op->out_max)
                               : output_clamped(sum[i], channel);
        }
    }
}
