/* Long short-term memory with DSP instructions: four gates of a unit at a time. */
#include "dsp.h"
#include "lstm.h"

/* sum[channel] += inputs times the weights of four channels, over `groups` of four inputs. */
void dot_4(const int8_t *inputs, const int8_t *weights, int32_t groups, int32_t sum[4]);

/* dot_4: in assembly, for GCC loads the weights one by one: four sums (r4-r7), four words of
 * weights (r8-r11), two pairs of inputs (r12, lr) and one of weights (r3). */
__asm__(".section .text.dot_4, \"ax\", %progbits\n"
        ".balign 4\n"
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

static void sums_of(const int8_t *values, int32_t count, const int8_t *weights,
                    const int32_t *biases, int32_t sums[GATES]) {
    const int32_t groups = count / 4;
    memcpy(sums, biases, GATES * sizeof *sums);
    dot_4(values, weights, groups, sums);
    if (count % 4 > 0) {
        int8_t last[4] = {0};
        copy_bytes(last, values + 4 * groups, count % 4);
        dot_4(last, weights + 16 * groups, 1, sums);
    }
}

void lstm_dsp(const struct lstm *op, const int8_t *in, void *hidden, void *cell, int8_t *out) {
    each_step(op, in, hidden, cell, out, sums_of, 4);
}
