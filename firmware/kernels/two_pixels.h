/* Two pixels of all channels, for cores without DSP instructions: three channels at a time.
 *
 * A word holds a tap of two pixels, value + 2^16 * value, so that one multiplication does for both.
 * With OFFSET the lower products of two taps together are 16 bits without a sign, so that the upper
 * half of their sum is exact: it is added up by itself, and what is left of the whole is the lower.
 */
#ifndef TINYBENCH_TWO_PIXELS_H
#define TINYBENCH_TWO_PIXELS_H

#include "blocked.h"

#define CHANNELS 3
#define UPPER 65536
#define OFFSET 32512u /* 2 * 127 * 128: from -2 * 127 * 128 to 2 * 128 * 128 all is in 16 bits */

/* Two windows, and where the channels of the two pixels go. */
struct target {
    const int32_t *window;
    const int32_t *end;
    const int8_t *weights;
    const struct channel_dsp *channels;
    int8_t *out;
    int32_t
        second;    /* bytes from the first pixel's outputs to the second's, if there is one, or 0 */
    int32_t out_c; /* more than 0 */
    int32_t min, max;
    int32_t begin;  /* of the lower sums: minus all the offsets */
    int32_t folded; /* the output stage is of one product, all of int8 is within the limits */
};

#ifdef __thumb2__
void two_pixels(const struct target *target);

/* In assembly, for GCC has not registers enough: r4 to r6 are the sums of whole words, r7 to r9
 * those of upper halves. The struct is copied to the stack. */
__asm__(".macro taps low, high\n"
        "   ldrsb  r12, [r1], #1\n"
        "   ldrsb  r2, [r1], #1\n"
        "   mla    lr, r10, r12, r3\n"
        "   mla    lr, r11, r2, lr\n"
        "   add    \\low, \\low, lr\n"
        "   add    \\high, \\high, lr, asr #16\n"
        ".endm\n"
        ".macro dot channels\n"
        "10:\n"
        ".rept 2\n"
        "   ldrd   r10, r11, [r0], #8\n"
        "   taps   r4, r7\n"
        ".if \\channels > 1\n"
        "   taps   r5, r8\n"
        ".endif\n"
        ".if \\channels > 2\n"
        "   taps   r6, r9\n"
        ".endif\n"
        ".endr\n"
        "   ldr    r2, [sp, #4]\n"
        "   cmp    r0, r2\n"
        "   bne    10b\n"
        ".endm\n"
        ".macro quantise low, high\n"
        "   ldm    r0!, {r2, r3, r10, r11}\n"
        ".irp sum, \\low, \\high\n"
        "   add    r12, r2, \\sum, lsl #1\n"
        "   smull  lr, \\sum, r12, r3\n"
        "   add    \\sum, \\sum, lr, lsr #31\n"
        "   add    \\sum, \\sum, \\sum, asr #31\n"
        "   add    \\sum, \\sum, r10\n"
        "   asr    \\sum, \\sum, r11\n"
        "   ssat   \\sum, #8, \\sum\n"
        ".endr\n"
        ".endm\n"
        /* The same by one product. */
        ".macro folded low, high\n"
        "   ldm    r0!, {r2, r10, r11, r12}\n"
        ".irp sum, \\low, \\high\n"
        "   add    \\sum, r2, \\sum, lsl #8\n"
        "   smull  lr, \\sum, \\sum, r10\n"
        "   asr    \\sum, \\sum, r12\n"
        "   ssat   \\sum, #8, \\sum\n"
        ".endr\n"
        ".endm\n"
        ".macro begin\n"
        "   ldr    r0, [sp]\n"
        "   ldr    r4, [sp, #36]\n"
        "   mov    r5, r4\n"
        "   mov    r6, r4\n"
        "   mov    r7, #0\n"
        "   mov    r8, #0\n"
        "   mov    r9, #0\n"
        ".endm\n"
        ".section .text.two_pixels, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type two_pixels, %function\n"
        "two_pixels:\n"
        "   push   {r4-r11, lr}\n"
        "   sub    sp, sp, #44\n"
        "   ldm    r0, {r1-r11}\n"
        "   mov    r0, sp\n"
        "   stm    r0, {r1-r11}\n"
        "   mov    r1, r3\n" /* the weights */
        "   mov    r3, #32512\n"
        "   cmp    r7, #2\n" /* channels that are left */
        "   beq    6f\n"
        "   blt    7f\n"
        "1: begin\n"
        "   dot    3\n"
        "2: sub    r4, r4, r7, lsl #16\n"
        "   sub    r5, r5, r8, lsl #16\n"
        "   sub    r6, r6, r9, lsl #16\n"
        "   ldr    r2, [sp, #40]\n" /* folded */
        "   ldr    r0, [sp, #12]\n"
        "   cmp    r2, #0\n"
        "   beq    8f\n"
        "   folded r4, r7\n"
        "   folded r5, r8\n"
        "   folded r6, r9\n"
        "   str    r0, [sp, #12]\n"
        "3: ldrd   r0, r2, [sp, #16]\n"
        "   ldr    r10, [sp, #24]\n"
        "   strb   r7, [r0, r2]\n" /* the second one, before the first where both are one */
        "   strb   r4, [r0], #1\n"
        "   subs   r10, r10, #3\n"
        "   blt    4f\n"
        "   strb   r8, [r0, r2]\n"
        "   strb   r5, [r0], #1\n"
        "   strb   r9, [r0, r2]\n"
        "   strb   r6, [r0], #1\n"
        "   str    r0, [sp, #16]\n"
        "   str    r10, [sp, #24]\n"
        "   cmp    r10, #2\n"
        "   bgt    1b\n"
        "   beq    6f\n"
        "   cmp    r10, #0\n"
        "   bgt    7f\n"
        "   b      5f\n"
        "4: cmp    r10, #-1\n"
        "   itt    eq\n"
        "   strbeq r8, [r0, r2]\n"
        "   strbeq r5, [r0]\n"
        "5: add    sp, sp, #44\n"
        "   pop    {r4-r11, pc}\n"
        "6: begin\n" /* the last channels */
        "   dot    2\n"
        "   b      2b\n"
        "7: begin\n"
        "   dot    1\n"
        "   b      2b\n"
        "8: quantise r4, r7\n"
        "   quantise r5, r8\n"
        "   quantise r6, r9\n"
        "   str    r0, [sp, #12]\n"
        "   ldrd   r2, r3, [sp, #28]\n"
        "   sub    r12, r3, r2\n"
        "   cmp    r12, #255\n" /* all there is */
        "   beq    9f\n"
        ".irp sum, r4, r5, r6, r7, r8, r9\n"
        "   cmp    \\sum, r2\n"
        "   it     lt\n"
        "   movlt  \\sum, r2\n"
        "   cmp    \\sum, r3\n"
        "   it     gt\n"
        "   movgt  \\sum, r3\n"
        ".endr\n"
        "9: mov    r3, #32512\n"
        "   b      3b\n"
        ".size two_pixels, . - two_pixels\n"
        ".purgem taps\n"
        ".purgem dot\n"
        ".purgem quantise\n"
        ".purgem folded\n"
        ".purgem begin\n"
        ".text\n");
#elif defined(__riscv_mul) && __riscv_xlen == 32 && !defined(__riscv_32e)
void two_pixels(const struct target *target);

/* In assembly, for GCC loads early and then has not registers enough: six channels at a time. a0 is
 * the target, a1 the window, a2 its end, a3 and a4 the weights of two groups, a5 the output, ra the
 * way to the second one's, a6 OFFSET, a7 and t6 the limits; s0 to s5 are the sums of whole words,
 * s6 to s11 those of upper halves. */
__asm__(".macro taps low, high, weights, at\n"
        "   lb     t4, \\at(\\weights)\n"
        "   lb     t5, \\at + 1(\\weights)\n"
        "   mul    t4, t4, t0\n"
        "   mul    t5, t5, t1\n"
        "   add    t4, t4, t5\n"
        "   add    t4, t4, a6\n"
        "   add    \\low, \\low, t4\n"
        "   srai   t4, t4, 16\n"
        "   add    \\high, \\high, t4\n"
        ".endm\n"
        ".macro dot channels, each\n"
        "10:\n"
        ".irp pair, 0, 1\n"
        "   lw     t0, 8 * \\pair(a1)\n"
        "   lw     t1, 8 * \\pair + 4(a1)\n"
        "   taps   s0, s6, a3, 2 * \\pair * \\each\n"
        ".if \\channels > 1\n"
        "   taps   s1, s7, a3, 2 * \\pair * \\each + 2\n"
        ".endif\n"
        ".if \\channels > 2\n"
        "   taps   s2, s8, a3, 2 * \\pair * \\each + 4\n"
        ".endif\n"
        ".if \\channels > 3\n"
        "   taps   s3, s9, a4, 2 * \\pair * \\each\n"
        "   taps   s4, s10, a4, 2 * \\pair * \\each + 2\n"
        "   taps   s5, s11, a4, 2 * \\pair * \\each + 4\n"
        ".endif\n"
        ".endr\n"
        "   addi   a1, a1, 16\n"
        "   addi   a3, a3, 4 * \\each\n"
        ".if \\channels > 3\n"
        "   addi   a4, a4, 4 * \\each\n"
        ".endif\n"
        "   bne    a1, a2, 10b\n"
        ".endm\n"
        ".macro store low, high, channel\n"
        "   lw     t0, 16 * \\channel(a1)\n"
        "   lw     t1, 16 * \\channel + 4(a1)\n"
        "   lw     t2, 16 * \\channel + 8(a1)\n"
        "   lw     t3, 16 * \\channel + 12(a1)\n"
        "   slli   t4, \\high, 16\n"
        "   sub    \\low, \\low, t4\n"
        "   lw     t5, 40(a0)\n"
        "   bnez   t5, 13f\n" /* folded */
        ".irp sum, \\low, \\high\n"
        "   slli   \\sum, \\sum, 1\n"
        "   add    \\sum, \\sum, t0\n"
        "   mul    t5, \\sum, t1\n"
        "   mulh   \\sum, \\sum, t1\n"
        "   srli   t5, t5, 31\n"
        "   add    \\sum, \\sum, t5\n"
        "   srai   t5, \\sum, 31\n"
        "   add    \\sum, \\sum, t2\n"
        "   add    \\sum, \\sum, t5\n"
        "   sra    \\sum, \\sum, t3\n"
        ".endr\n"
        "   j      14f\n"
        "13:\n"
        ".irp sum, \\low, \\high\n"
        "   slli   \\sum, \\sum, 8\n"
        "   add    \\sum, \\sum, t0\n"
        "   mulh   \\sum, \\sum, t1\n"
        "   sra    \\sum, \\sum, t3\n"
        ".endr\n"
        "14:\n"
        ".irp sum, \\low, \\high\n"
        "   bge    \\sum, a7, 11f\n"
        "   mv     \\sum, a7\n"
        "11:\n"
        "   ble    \\sum, t6, 12f\n"
        "   mv     \\sum, t6\n"
        "12:\n"
        ".endr\n"
        "   add    t4, a5, ra\n"
        "   sb     \\high, \\channel(t4)\n" /* before the first where both are one */
        "   sb     \\low, \\channel(a5)\n"
        ".endm\n"
        ".section .text.two_pixels, \"ax\", %progbits\n"
        ".balign 4\n"
        ".type two_pixels, %function\n"
        "two_pixels:\n"
        "   addi   sp, sp, -64\n"
        "   sw     ra, 0(sp)\n"
        ".irp at, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
        "   sw     s\\at, 4 + 4 * \\at(sp)\n"
        ".endr\n"
        "   lw     a3, 8(a0)\n"
        "   lw     t4, 12(a0)\n"
        "   sw     t4, 52(sp)\n" /* channels */
        "   lw     a5, 16(a0)\n"
        "   lw     ra, 20(a0)\n"
        "   lw     t4, 24(a0)\n"
        "   sw     t4, 56(sp)\n" /* how many are left */
        "   lw     a7, 28(a0)\n"
        "   lw     t6, 32(a0)\n"
        "   li     a6, 32512\n"
        "1: lw     t3, 56(sp)\n"
        "   lw     a1, 0(a0)\n"
        "   lw     a2, 4(a0)\n"
        "   lw     s0, 36(a0)\n"
        ".irp sum, s1, s2, s3, s4, s5\n"
        "   mv     \\sum, s0\n"
        ".endr\n"
        ".irp sum, s6, s7, s8, s9, s10, s11\n"
        "   li     \\sum, 0\n"
        ".endr\n"
        "   li     t4, 6\n"
        "   bge    t3, t4, 2f\n"
        "   li     t4, 2\n"
        "   beq    t3, t4, 3f\n"
        "   blt    t3, t4, 4f\n"
        "   dot    3, 3\n"
        "   j      5f\n"
        "2: sub    a4, a2, a1\n"
        "   srli   t4, a4, 2\n"
        "   sub    a4, a4, t4\n"
        "   add    a4, a4, a3\n" /* three bytes a tap behind the first group */
        "   dot    6, 3\n"
        "   mv     a3, a4\n"
        "   li     a2, 0\n" /* another three are to be stored */
        "   j      5f\n"
        "3: dot    2, 2\n"
        "   j      5f\n"
        "4: dot    1, 1\n"
        "5: lw     a1, 52(sp)\n"
        "   store  s0, s6, 0\n"
        "   lw     t4, 56(sp)\n"
        "   li     t5, 2\n"
        "   blt    t4, t5, 6f\n"
        "   store  s1, s7, 1\n"
        "   lw     t4, 56(sp)\n"
        "   addi   t4, t4, -3\n"
        "   bltz   t4, 6f\n"
        "   sw     t4, 56(sp)\n"
        "   store  s2, s8, 2\n"
        "   addi   a1, a1, 48\n"
        "   sw     a1, 52(sp)\n"
        "   addi   a5, a5, 3\n"
        "   lw     t4, 56(sp)\n"
        "   beqz   t4, 6f\n"
        "   bnez   a2, 1b\n"
        "   li     a2, 1\n"
        "   mv     s0, s3\n"
        "   mv     s1, s4\n"
        "   mv     s2, s5\n"
        "   mv     s6, s9\n"
        "   mv     s7, s10\n"
        "   mv     s8, s11\n"
        "   j      5b\n"
        "6: lw     ra, 0(sp)\n"
        ".irp at, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
        "   lw     s\\at, 4 + 4 * \\at(sp)\n"
        ".endr\n"
        "   addi   sp, sp, 64\n"
        "   ret\n"
        ".size two_pixels, . - two_pixels\n"
        ".purgem taps\n"
        ".purgem dot\n"
        ".purgem store\n"
        ".text\n");
#else
/* Compute the sums of one, two or three channels: of whole words, then of upper halves. Return
 * where the next weights are. */
typedef const int8_t *sums_of(const int32_t *window, const int8_t *weights, const struct target *t,
                              int32_t sums[2 * CHANNELS]);

#ifdef __ARM_ARCH_6M__
sums_of sums_1, sums_2, sums_3;

/* In assembly, for GCC keeps no sums in the upper registers: r8 to r10 are those of whole words,
 * r11, r12 and lr those of upper halves; r0 and r1 are the window and the weights, r2 and r3 two
 * taps, r4 four weights, r6 OFFSET. */
__asm__(".syntax unified\n"
        ".macro both low, high\n"
        "   muls   r5, r2, r5\n"
        "   muls   r7, r3, r7\n"
        "   adds   r5, r5, r6\n"
        "   adds   r5, r5, r7\n"
        "   add    \\low, r5\n"
        "   asrs   r5, r5, #16\n"
        "   add    \\high, r5\n"
        ".endm\n"
        ".macro first low, high\n" /* two of the weights, and then the others */
        "   ldm    r1!, {r4}\n"
        "   sxtb   r5, r4\n"
        "   lsls   r7, r4, #16\n"
        "   asrs   r7, r7, #24\n"
        "   both   \\low, \\high\n"
        ".endm\n"
        ".macro second low, high\n"
        "   lsls   r5, r4, #8\n"
        "   asrs   r5, r5, #24\n"
        "   asrs   r7, r4, #24\n"
        "   both   \\low, \\high\n"
        ".endm\n"
        ".macro sums name, channels\n"
        ".section .text.\\name, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type \\name, %function\n"
        "\\name:\n"
        "   push   {r3-r7, lr}\n"
        "   mov    r4, r8\n"
        "   mov    r5, r9\n"
        "   mov    r6, r10\n"
        "   mov    r7, r11\n"
        "   push   {r3-r7}\n"
        "   ldr    r4, [r2, #4]\n" /* end */
        "   str    r4, [sp]\n"
        "   ldr    r4, [r2, #36]\n" /* begin */
        "   mov    r8, r4\n"
        "   mov    r9, r4\n"
        "   mov    r10, r4\n"
        "   movs   r4, #0\n"
        "   mov    r11, r4\n"
        "   mov    r12, r4\n"
        "   mov    lr, r4\n"
        "   movs   r6, #127\n"
        "   lsls   r6, r6, #8\n"
        "1: ldm    r0!, {r2, r3}\n"
        "   first  r8, r11\n"
        ".if \\channels > 1\n"
        "   second r9, r12\n"
        ".endif\n"
        ".if \\channels > 2\n"
        "   first  r10, lr\n"
        ".endif\n"
        "   ldm    r0!, {r2, r3}\n"
        ".if \\channels == 2\n"
        "   first  r8, r11\n"
        ".else\n"
        "   second r8, r11\n"
        ".endif\n"
        ".if \\channels == 2\n"
        "   second r9, r12\n"
        ".endif\n"
        ".if \\channels > 2\n"
        "   first  r9, r12\n"
        "   second r10, lr\n"
        ".endif\n"
        "   ldr    r4, [sp]\n"
        "   cmp    r0, r4\n"
        "   bne    1b\n"
        "   mov    r0, r1\n"
        "   ldr    r1, [sp, #20]\n"
        "   mov    r2, r8\n"
        "   mov    r3, r9\n"
        "   mov    r4, r10\n"
        "   mov    r5, r11\n"
        "   mov    r6, r12\n"
        "   mov    r7, lr\n"
        "   stm    r1!, {r2-r7}\n"
        "   pop    {r3-r7}\n"
        "   mov    r8, r4\n"
        "   mov    r9, r5\n"
        "   mov    r10, r6\n"
        "   mov    r11, r7\n"
        "   pop    {r3-r7, pc}\n"
        ".size \\name, . - \\name\n"
        ".endm\n"
        "   sums   sums_1, 1\n"
        "   sums   sums_2, 2\n"
        "   sums   sums_3, 3\n"
        ".purgem both\n"
        ".purgem first\n"
        ".purgem second\n"
        ".purgem sums\n"
        ".text\n");
#else
/* `count` is a constant after inlining. */
static inline __attribute__((always_inline)) const int8_t *
sums_of_channels(const int32_t *tap, const int8_t *weight, const struct target *t, int32_t count,
                 int32_t sums[2 * CHANNELS]) {
    uint32_t low[CHANNELS] = {(uint32_t)t->begin, (uint32_t)t->begin, (uint32_t)t->begin};
    int32_t high[CHANNELS] = {0};
    const int32_t *const end = t->end;
    do {
#pragma GCC unroll 2
        for (int32_t pair = 0; pair < 2; pair++, tap += 2) {
            const uint32_t a = (uint32_t)tap[0];
            const uint32_t b = (uint32_t)tap[1];
#pragma GCC unroll 3
            for (int32_t i = 0; i < count; i++, weight += 2) {
                const int32_t first = weight[0], second = weight[1];
                const uint32_t sum = OFFSET + a * (uint32_t)first + b * (uint32_t)second;
                low[i] += sum;
                high[i] += (int32_t)sum >> 16;
            }
        }
    } while (tap != end);
#pragma GCC unroll 3
    for (int32_t i = 0; i < CHANNELS; i++) {
        sums[i] = (int32_t)low[i];
        sums[CHANNELS + i] = high[i];
    }
    return weight;
}

static const int8_t *sums_1(const int32_t *window, const int8_t *weights, const struct target *t,
                            int32_t sums[2 * CHANNELS]) {
    return sums_of_channels(window, weights, t, 1, sums);
}

static const int8_t *sums_2(const int32_t *window, const int8_t *weights, const struct target *t,
                            int32_t sums[2 * CHANNELS]) {
    return sums_of_channels(window, weights, t, 2, sums);
}

static const int8_t *sums_3(const int32_t *window, const int8_t *weights, const struct target *t,
                            int32_t sums[2 * CHANNELS]) {
    return sums_of_channels(window, weights, t, 3, sums);
}
#endif

/* Store a channel of both pixels. */
static inline void store(const struct target *t, const struct channel_dsp *channel, uint32_t low,
                         int32_t high, int8_t *out) {
    const struct channel_dsp c = *channel;
    const int32_t sum[2] = {(int32_t)(low - (uint32_t)high * (uint32_t)UPPER), high};
    ONE_BY_ONE
    for (int32_t i = 1; i >= 0; i--) { /* the second one, before the first where both are one */
        out[i * t->second] = t->folded ? output_folded(sum[i], &c, INT8_MIN, INT8_MAX)
                                       : output_blocked(sum[i], &c, t->min, t->max);
    }
}

static void two_pixels(const struct target *t) {
    static sums_of *const of_channels[CHANNELS] = {sums_1, sums_2, sums_3};
    const int8_t *weights = t->weights;
    for (int32_t c = 0; c < t->out_c; c += CHANNELS) {
        const int32_t count = t->out_c - c < CHANNELS ? t->out_c - c : CHANNELS;
        int32_t sums[2 * CHANNELS];
        weights = of_channels[count - 1](t->window, weights, t, sums);
        ONE_BY_ONE
        for (int32_t i = 0; i < count; i++) {
            store(t, &t->channels[c + i], (uint32_t)sums[i], sums[CHANNELS + i], t->out + c + i);
        }
    }
}
#endif

#endif
