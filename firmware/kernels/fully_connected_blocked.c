/* Fully connected layer in portable C: six channels at a time, and few by rows. */
#include "fully_connected_blocked.h"

#include <string.h>

/* Add the products of `count` values (at least 1) with the weights of six channels; return where
 * the next ones are. */
#ifdef __thumb2__
const int8_t *dot_6(const int8_t *values, int32_t count, const int8_t *weights,
                    int32_t sums[CHANNELS]);

/* In assembly, for GCC has not registers enough. */
__asm__(".macro value\n"
        "   ldrsb  r12, [r0], #1\n"
        "   dot    r4, r5\n"
        "   dot    r6, r7\n"
        "   dot    r8, r9\n"
        ".endm\n"
        ".macro dot first, second\n"
        "   ldrsb  r10, [r2], #1\n"
        "   ldrsb  r11, [r2], #1\n"
        "   mla    \\first, r12, r10, \\first\n"
        "   mla    \\second, r12, r11, \\second\n"
        ".endm\n"
        ".section .text.dot_6, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type dot_6, %function\n"
        "dot_6:\n"
        "   push   {r4-r11, lr}\n"
        "   ldm    r3, {r4-r9}\n"
        "   bic    lr, r1, #3\n"
        "   add    lr, lr, r0\n" /* the end of fours */
        "   add    r1, r1, r0\n"
        "   cmp    r0, lr\n"
        "   beq    2f\n"
        "1:\n"
        ".rept 4\n"
        "   value\n"
        ".endr\n"
        "   cmp    r0, lr\n"
        "   bne    1b\n"
        "2: cmp    r0, r1\n"
        "   beq    3f\n"
        "   value\n"
        "   b      2b\n"
        "3: stm    r3, {r4-r9}\n"
        "   mov    r0, r2\n"
        "   pop    {r4-r11, pc}\n"
        ".size dot_6, . - dot_6\n"
        ".purgem value\n"
        ".purgem dot\n"
        ".text\n");
#elif defined(__ARM_ARCH_6M__)
const int8_t *dot_6(const int8_t *values, int32_t count, const int8_t *weights,
                    int32_t sums[CHANNELS]);

/* In assembly, for GCC loads the place of each weight anew: r1, r3 and r6 are 1, 0 and 2, r4 is the
 * value, r7 where they end; r8 to r12 and lr are the sums. */
__asm__(".syntax unified\n"
        ".macro dot sum, at\n"
        "   ldrsb  r5, [r2, \\at]\n"
        "   muls   r5, r4, r5\n"
        "   add    \\sum, r5\n"
        ".endm\n"
        ".section .text.dot_6, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type dot_6, %function\n"
        "dot_6:\n"
        "   push   {r3-r7, lr}\n"
        "   mov    r4, r8\n"
        "   mov    r5, r9\n"
        "   mov    r6, r10\n"
        "   mov    r7, r11\n"
        "   push   {r4-r7}\n"
        "   adds   r7, r0, r1\n"
        "   ldm    r3!, {r4-r6}\n"
        "   mov    r8, r4\n"
        "   mov    r9, r5\n"
        "   mov    r10, r6\n"
        "   ldm    r3!, {r4-r6}\n"
        "   mov    r11, r4\n"
        "   mov    r12, r5\n"
        "   mov    lr, r6\n"
        "   movs   r3, #0\n"
        "   movs   r1, #1\n"
        "   movs   r6, #2\n"
        "1: ldrsb  r4, [r0, r3]\n"
        "   adds   r0, r0, #1\n"
        "   dot    r8, r3\n"
        "   dot    r9, r1\n"
        "   dot    r10, r6\n"
        "   adds   r2, r2, #3\n"
        "   dot    r11, r3\n"
        "   dot    r12, r1\n"
        "   dot    lr, r6\n"
        "   adds   r2, r2, #3\n"
        "   cmp    r0, r7\n"
        "   bne    1b\n"
        "   ldr    r1, [sp, #16]\n"
        "   mov    r3, r8\n"
        "   mov    r4, r9\n"
        "   mov    r5, r10\n"
        "   mov    r6, r11\n"
        "   mov    r7, r12\n"
        "   stm    r1!, {r3-r7}\n"
        "   mov    r3, lr\n"
        "   str    r3, [r1]\n"
        "   mov    r0, r2\n"
        "   pop    {r4-r7}\n"
        "   mov    r8, r4\n"
        "   mov    r9, r5\n"
        "   mov    r10, r6\n"
        "   mov    r11, r7\n"
        "   pop    {r3-r7, pc}\n"
        ".size dot_6, . - dot_6\n"
        ".purgem dot\n"
        ".text\n");
#else
static const int8_t *dot_6(const int8_t *values, int32_t count, const int8_t *weights,
                           int32_t sums[CHANNELS]) {
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3], e = sums[4], f = sums[5];
#pragma GCC unroll 8
    for (const int8_t *end = values + count; values != end; values++, weights += CHANNELS) {
        const int32_t value = *values;
        a += value * weights[0];
        b += value * weights[1];
        c += value * weights[2];
        d += value * weights[3];
        e += value * weights[4];
        f += value * weights[5];
    }
    sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d, sums[4] = e, sums[5] = f;
    return weights;
}
#endif

/* Return the sum of the products of `count` values with as many weights. */
static int32_t dot(const int8_t *values, int32_t count, const int8_t *weights) {
    int32_t sum = 0;
#pragma GCC unroll 4
    for (const int8_t *end = values + count; values != end; values++, weights++) {
        sum += *values * *weights;
    }
    return sum;
}

/* The same with the weights of three channels, a row of `count` each. */
static void dot_3(const int8_t *values, int32_t count, const int8_t *weights, int32_t sums[3]) {
    const int8_t *second = weights + count, *third = second + count;
    int32_t a = 0, b = 0, c = 0;
#pragma GCC unroll 4
    for (const int8_t *end = values + count; values != end; values++) {
        const int32_t value = *values;
        a += value * *weights++;
        b += value * *second++;
        c += value * *third++;
    }
    sums[0] = a, sums[1] = b, sums[2] = c;
}

const int8_t *sums_blocked(const struct fully_connected_blocked *op, const int8_t *in,
                           const int8_t *weights, int32_t c, int32_t count, int32_t sum[CHANNELS]) {
    if (c < op->in_sixes) {
        memset(sum, 0, sizeof(int32_t[CHANNELS]));
        return dot_6(in, op->in_c, weights, sum);
    }
    if (count == 3) {
        dot_3(in, op->in_c, weights, sum);
    } else {
        for (int32_t i = 0; i < count; i++) {
            sum[i] = dot(in, op->in_c, weights + i * op->in_c);
        }
    }
    return weights + count * op->in_c;
}

void fully_connected_blocked(const struct fully_connected_blocked *op, const int8_t *in,
                             int8_t *out) {
    const int8_t *weights = op->weights;
    const struct channel_dsp *channel = op->channels;
    for (int32_t c = 0; c < op->out_c; c += CHANNELS) {
        const int32_t count = channels_from(op, c);
        int32_t sum[CHANNELS];
        weights = sums_blocked(op, in, weights, c, count, sum);
        ONE_BY_ONE
        for (int32_t i = 0; i < count; i++, channel++) {
            *out++ = output_blocked(sum[i], channel, op->out_min, op->out_max);
        }
    }
}
