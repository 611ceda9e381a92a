/* Fully connected layer with DSP instructions: eight channels at a time, two in a word; a few that
 * are left, and those whose weights cannot share words, by rows. */
#include "fully_connected_dsp.h"

#include <stdbool.h>

/* In assembly, for the loop needs all the registers there are: eight sums (r4-r11), two pairs of
 * inputs (r2, r3) and two words of weights (r12, lr), loaded side by side. */
__asm__(".section .text.dot_8, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".global dot_8\n"
        ".type dot_8, %function\n"
        "dot_8:\n"
        ".macro channels first, second\n"
        "   smlad  \\first, r2, r12, \\first\n"
        "   smlad  \\first, r3, lr, \\first\n"
        "   sxtb16 r12, r12\n"
        "   sxtb16 lr, lr\n"
        "   smlad  \\second, r2, r12, \\second\n"
        "   smlad  \\second, r3, lr, \\second\n"
        ".endm\n"
        ".macro group\n"
        "   ldr    r2, [r0], #4\n"
        "   ldr    r12, [r1], #32\n"
        "   ldr    lr, [r1, #-28]\n"
        "   sxtb16 r3, r2, ror #8\n"
        "   sxtb16 r2, r2\n"
        "   channels r4, r5\n"
        "   ldr    r12, [r1, #-24]\n"
        "   ldr    lr, [r1, #-20]\n"
        "   channels r6, r7\n"
        "   ldr    r12, [r1, #-16]\n"
        "   ldr    lr, [r1, #-12]\n"
        "   channels r8, r9\n"
        "   ldr    r12, [r1, #-8]\n"
        "   ldr    lr, [r1, #-4]\n"
        "   channels r10, r11\n"
        ".endm\n"
        "   push   {r3-r11, lr}\n"
        "   rsb    r12, r2, #0\n"
        "   and    r12, r12, #3\n"       /* groups that the first turn of the loop lacks */
        "   add    r2, r0, r2, lsl #2\n" /* end of the inputs */
        "   push   {r2, r3}\n"
        "   movs   r4, #0\n"
        "   movs   r5, #0\n"
        "   movs   r6, #0\n"
        "   movs   r7, #0\n"
        "   mov    r8, r4\n"
        "   mov    r9, r4\n"
        "   mov    r10, r4\n"
        "   mov    r11, r4\n"
        "   adr    lr, 1f\n"
        "   mov    r3, #140\n" /* bytes of a group's instructions */
        "   mla    lr, r12, r3, lr\n"
        "   orr    lr, lr, #1\n"
        "   bx     lr\n"
        ".balign 4\n"
        "1: group\n"
        "   group\n"
        "   group\n"
        "   group\n"
        "   ldr    r2, [sp]\n"
        "   cmp    r0, r2\n"
        "   bne    1b\n"
        "   ldr    r3, [sp, #4]\n"
        "   stmia  r3, {r4-r11}\n"
        "   add    sp, sp, #12\n"
        "   pop    {r4-r11, pc}\n"
        ".purgem group\n"
        ".purgem channels\n"
        ".size dot_8, . - dot_8\n"
        ".text\n");

/* Store `count` channels; `exact` and `alike` are constants after inlining. */
static inline __attribute__((always_inline)) void store(const struct fully_connected_dsp *op,
                                                        int32_t first, const int32_t *sum,
                                                        int32_t count, bool exact, bool alike,
                                                        int8_t *out) {
    struct channel_dsp c = {0, op->multiplier, op->rounding, op->right_shift};
#pragma GCC unroll 1 /* the cache of the flash holds little code */
    for (int32_t i = 0; i < count; i++) {
        if (alike) {
            c.bias_x2 = op->biases_x2[first + i];
        } else {
            c = op->channels[first + i];
        }
        out[i] =
            exact ? output_exact(sum[i], &c, op->out_min, op->out_max) : output_clamped(sum[i], &c);
    }
}

/* Add the products of four inputs to the sums of one row, or of two, of which the second begins
 * `row_b` bytes behind the first. */
static inline __attribute__((always_inline)) void add_group(const int8_t **inputs,
                                                            const int8_t **weights, int32_t row_b,
                                                            int32_t *first, int32_t *second) {
    const int32_t x = *(const packed_anywhere *)*inputs, w = *(const packed *)*weights;
    const int32_t even = even_bytes(x), odd = odd_bytes(x);
    *first = __smlad(even, even_bytes(w), *first);
    *first = __smlad(odd, odd_bytes(w), *first);
    if (second != 0) {
        const int32_t next = *(const packed *)(*weights + row_b);
        *second = __smlad(even, even_bytes(next), *second);
        *second = __smlad(odd, odd_bytes(next), *second);
    }
    *inputs += 4;
    *weights += 4;
}

/* The same for `groups` of four inputs: `turn` at a time, and then one. */
static inline __attribute__((always_inline)) void add_groups(const int8_t *inputs,
                                                             const int8_t *weights, int32_t groups,
                                                             int32_t turn, int32_t row_b,
                                                             int32_t *first, int32_t *second) {
    for (; groups >= turn; groups -= turn) {
#pragma GCC unroll 4
        for (int32_t i = 0; i < turn; i++) {
            add_group(&inputs, &weights, row_b, first, second);
        }
    }
#pragma GCC unroll 1
    for (; groups > 0; groups--) {
        add_group(&inputs, &weights, row_b, first, second);
    }
}

static __attribute__((noinline)) void dot_two(const int8_t *inputs, const int8_t *weights,
                                              int32_t groups, int32_t row_b, int32_t sum[2]) {
    int32_t first = sum[0], second = sum[1];
    add_groups(inputs, weights, groups, 3, row_b, &first, &second);
    sum[0] = first;
    sum[1] = second;
}

static __attribute__((noinline)) int32_t dot_one(const int8_t *inputs, const int8_t *weights,
                                                 int32_t groups, int32_t sum) {
    add_groups(inputs, weights, groups, 2, 0, &sum, 0);
    return sum;
}

void dot_rows(const int8_t *in, const int8_t *last, const int8_t *weights, int32_t groups,
              int32_t left, int32_t count, int32_t *sum) {
    const int32_t more = left > 0, row_b = 4 * (groups + more);
    int32_t i = 0;
    for (; i + 1 < count; i += 2, weights += 2 * row_b) {
        sum[i] = sum[i + 1] = 0;
        dot_two(in, weights, groups, row_b, sum + i);
        if (more) {
            dot_two(last, weights + 4 * groups, more, row_b, sum + i);
        }
    }
    if (i < count) {
        sum[i] = dot_one(in, weights, groups, 0);
        if (more) {
            sum[i] = dot_one(last, weights + 4 * groups, more, sum[i]);
        }
    }
}

void fully_connected_dsp(const struct fully_connected_dsp *op, const int8_t *in, int8_t *out) {
    const struct fully_connected_dsp layer = *op; /* the flash is read for weights alone */
    const bool exact =
        layer.exact_negatives || layer.out_min > INT8_MIN || layer.out_max < INT8_MAX;
    const int8_t *weights = layer.weights;
    int8_t last[4];
    inputs_left(&layer, in, last);
    for (int32_t c = 0; c < layer.out_c; c += CHANNELS) {
        const int32_t count = layer.out_c - c < CHANNELS ? layer.out_c - c : CHANNELS;
        int32_t sum[CHANNELS];
        weights = sums_of_channels(&layer, in, last, weights, c, count, sum);
        if (layer.channels != 0) {
            store(&layer, c, sum, count, true, false, out + c);
        } else if (exact) {
            store(&layer, c, sum, count, true, true, out + c);
        } else {
            store(&layer, c, sum, count, false, true, out + c);
        }
    }
}
