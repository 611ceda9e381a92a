/* The inner loops of depthwise 3x3 convolution with DSP instructions: two outputs at a time. */
#ifndef TINYBENCH_DEPTHWISE_CONV_2D_DSP_H
#define TINYBENCH_DEPTHWISE_CONV_2D_DSP_H

#include "dsp.h"

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

/* The same, and where outputs go and what limits them. */
struct strided_plane {
    struct plane plane;
    int32_t step_b;     /* from an output to the next; `pairs_b` is in such steps */
    int32_t next_out_b; /* from where a row's outputs end to where the next row begins */
    int32_t min, max;   /* if `exact` */
};

/* Assembler macros. `convolve name, stride, exact` is a function of a plane whose rows are some
 * bytes apart, horizontal stride 1 or 2: void name(const packed *in, const struct plane *plane,
 * int8_t *out, int32_t row_b). Without `exact` no output is clamped but to int8, and halves below
 * zero may be rounded either way; with it halves are rounded away from zero, and any limits hold.
 *
 * In assembly, for the loop needs all the registers there are: three rows of input (r0-r2) and of
 * weights (r3-r8), inputs (r9, r10), two sums (r11, r12) and the output (lr). The rest of the
 * plane's description is on the stack. */
#define CONVOLVE_MACROS                                                                            \
    ".macro both_1 in, w01, w12\n" /* inputs x0 .. x3: outputs from x0 and from x1 on */           \
    "   ldrd   r9, r10, [\\in], #4\n"                                                              \
    "   smlad  r11, r9, \\w01, r11\n"                                                              \
    "   smlabt r11, r10, \\w12, r11\n"                                                             \
    "   smlatb r12, r9, \\w01, r12\n"                                                              \
    "   smlad  r12, r10, \\w12, r12\n"                                                             \
    ".endm\n"                                                                                      \
    ".macro both_2 in, w01, w12\n" /* inputs x0 .. x4: outputs from x0 and from x2 on */           \
    "   ldrd   r9, r10, [\\in], #8\n"                                                              \
    "   smlad  r11, r9, \\w01, r11\n"                                                              \
    "   smlabt r11, r10, \\w12, r11\n"                                                             \
    "   smlad  r12, r10, \\w01, r12\n"                                                             \
    "   ldr    r9, [\\in]\n"                                                                       \
    "   smlabt r12, r9, \\w12, r12\n"                                                              \
    ".endm\n"                                                                                      \
    ".macro round x\n" /* multiplier and rounding are in r9 and r10 */                             \
    "   smmulr \\x, \\x, r9\n"                                                                     \
    "   add    \\x, \\x, \\x, asr #31\n"                                                           \
    "   add    \\x, \\x, r10\n"                                                                    \
    ".endm\n"                                                                                      \
    ".macro limit x\n" /* to r9 .. r10 */                                                          \
    "   cmp    \\x, r9\n"                                                                          \
    "   it     lt\n"                                                                               \
    "   movlt  \\x, r9\n"                                                                          \
    "   cmp    \\x, r10\n"                                                                         \
    "   it     gt\n"                                                                               \
    "   movgt  \\x, r10\n"                                                                         \
    ".endm\n"                                                                                      \
    ".macro one in, w01, w12\n"                                                                    \
    "   ldrd   r9, r10, [\\in]\n"                                                                  \
    "   smlad  r11, r9, \\w01, r11\n"                                                              \
    "   smlabt r11, r10, \\w12, r11\n"                                                             \
    ".endm\n"                                                                                      \
    ".macro convolve name, stride, exact\n"                                                        \
    ".section .text.\\name, \"ax\", %progbits\n"                                                   \
    ".balign 4\n"                                                                                  \
    ".thumb_func\n"                                                                                \
    ".type \\name, %function\n"                                                                    \
    "\\name:\n"                                                                                    \
    "   push   {r4-r11, lr}\n"                                                                     \
    "   sub    sp, sp, #52\n"                                                                      \
    "   ldrd   r4, r5, [r1, #60]\n" /* step_b, next_out_b */                                       \
    "   ldrd   r6, r7, [r1, #68]\n" /* min, max */                                                 \
    "   strd   r4, r5, [sp, #36]\n"                                                                \
    "   strd   r6, r7, [sp, #44]\n"                                                                \
    "   add    r12, r1, #24\n"                                                                     \
    "   ldm    r12, {r4-r12}\n"                                                                    \
    "   stm    sp, {r4-r12}\n"                                                                     \
    "   mov    r12, r1\n"                                                                          \
    "   mov    lr, r2\n"                                                                           \
    "   add    r1, r0, r3\n"                                                                       \
    "   add    r2, r1, r3\n"                                                                       \
    "   ldm    r12, {r3-r8}\n"                                                                     \
    "1: ldr    r9, [sp, #24]\n" /* pairs_b */                                                      \
    "   add    r10, lr, r9\n"                                                                      \
    "   str    r10, [sp, #16]\n" /* end */                                                         \
    "   cmp    r9, #0\n"                                                                           \
    "   beq    3f\n"                                                                               \
    "2: ldr    r11, [sp, #12]\n" /* bias_x2 */                                                     \
    "   mov    r12, r11\n"                                                                         \
    "   both_\\stride r0, r3, r4\n"                                                                \
    "   both_\\stride r1, r5, r6\n"                                                                \
    "   both_\\stride r2, r7, r8\n"                                                                \
    "   ldrd   r9, r10, [sp]\n" /* multiplier, rounding */                                         \
    ".if \\exact\n"                                                                                \
    "   round  r11\n"                                                                              \
    "   round  r12\n"                                                                              \
    "   ldr    r9, [sp, #8]\n" /* right_shift */                                                   \
    "   asr    r11, r11, r9\n"                                                                     \
    "   asr    r12, r12, r9\n"                                                                     \
    "   ldrd   r9, r10, [sp, #44]\n" /* min, max */                                                \
    "   limit  r11\n"                                                                              \
    "   limit  r12\n"                                                                              \
    "   ldr    r10, [sp, #16]\n"                                                                   \
    ".else\n"                                                                                      \
    "   smmlar r11, r11, r9, r10\n"                                                                \
    "   smmlar r12, r12, r9, r10\n"                                                                \
    "   ldr    r9, [sp, #8]\n"                                                                     \
    "   ldr    r10, [sp, #16]\n"                                                                   \
    "   asr    r11, r11, r9\n"                                                                     \
    "   asr    r12, r12, r9\n"                                                                     \
    "   ssat   r11, #8, r11\n"                                                                     \
    "   ssat   r12, #8, r12\n"                                                                     \
    ".endif\n"                                                                                     \
    "   ldr    r9, [sp, #36]\n" /* step_b */                                                       \
    "   strb   r11, [lr]\n"                                                                        \
    "   strb   r12, [lr, r9]\n"                                                                    \
    "   add    lr, lr, r9, lsl #1\n"                                                               \
    "   cmp    lr, r10\n"                                                                          \
    "   bne    2b\n"                                                                               \
    "3: ldr    r9, [sp, #28]\n" /* odd */                                                          \
    "   cmp    r9, #0\n"                                                                           \
    "   beq    4f\n"                                                                               \
    "   ldr    r11, [sp, #12]\n"                                                                   \
    "   one    r0, r3, r4\n"                                                                       \
    "   one    r1, r5, r6\n"                                                                       \
    "   one    r2, r7, r8\n"                                                                       \
    "   ldrd   r9, r10, [sp]\n"                                                                    \
    ".if \\exact\n"                                                                                \
    "   round  r11\n"                                                                              \
    "   ldr    r9, [sp, #8]\n"                                                                     \
    "   asr    r11, r11, r9\n"                                                                     \
    "   ldrd   r9, r10, [sp, #44]\n"                                                               \
    "   limit  r11\n"                                                                              \
    ".else\n"                                                                                      \
    "   smmlar r11, r11, r9, r10\n"                                                                \
    "   ldr    r9, [sp, #8]\n"                                                                     \
    "   asr    r11, r11, r9\n"                                                                     \
    "   ssat   r11, #8, r11\n"                                                                     \
    ".endif\n"                                                                                     \
    "   ldr    r9, [sp, #36]\n"                                                                    \
    "   strb   r11, [lr]\n"                                                                        \
    "   add    lr, lr, r9\n"                                                                       \
    "4: ldr    r9, [sp, #32]\n" /* next_row_b */                                                   \
    "   add    r0, r0, r9\n"                                                                       \
    "   add    r1, r1, r9\n"                                                                       \
    "   add    r2, r2, r9\n"                                                                       \
    "   ldr    r9, [sp, #40]\n" /* next_out_b */                                                   \
    "   add    lr, lr, r9\n"                                                                       \
    "   ldr    r9, [sp, #20]\n" /* rows */                                                         \
    "   subs   r9, r9, #1\n"                                                                       \
    "   str    r9, [sp, #20]\n"                                                                    \
    "   bne    1b\n"                                                                               \
    "   add    sp, sp, #52\n"                                                                      \
    "   pop    {r4-r11, pc}\n"                                                                     \
    ".size \\name, . - \\name\n"                                                                   \
    ".endm\n"

#define NO_CONVOLVE_MACROS                                                                         \
    ".purgem convolve\n"                                                                           \
    ".purgem one\n"                                                                                \
    ".purgem limit\n"                                                                              \
    ".purgem round\n"                                                                              \
    ".purgem both_2\n"                                                                             \
    ".purgem both_1\n"                                                                             \
    ".text\n"

#endif
