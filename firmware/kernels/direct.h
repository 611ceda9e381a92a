/* What the kernels of depthwise convolution share that take images as they lie: where the taps of
 * each output begin that are inside the image. */
#ifndef TINYBENCH_DIRECT_H
#define TINYBENCH_DIRECT_H

#include "kernels.h"

#include <stdbool.h>

#define TOGETHER 4 /* channels */

/* The taps of one output that lie inside the image. */
struct window {
    int32_t value, weights;             /* where the first of them is, and its weights */
    int32_t rows, columns;              /* at least one of each */
    int32_t next_row_b, next_weights_b; /* from behind a row of taps to the next, in both */
};
_Static_assert(sizeof(struct window) == DEPTHWISE_DIRECT_WINDOW_B, "as in kernels.h");

/* Some outputs of four channels, and what they have in common. */
struct outputs {
    const int8_t *in, *weights; /* of the first of the channels */
    const struct channel_dsp *channels;
    int8_t *out;
    const struct window *window, *end;
    int32_t next_out_b; /* from behind four channels of an output to those of the next */
    int32_t column_b;   /* from a tap to that beside it */
    int32_t offset;     /* what is added to an input, as the kernel wants it */
    int32_t min, max;
};

/* Compute them. */
typedef void outputs_of(const struct outputs *outputs);

/* A function in assembly that does, for GCC has not registers enough: the description (r0), inputs
 * and weights (r1, r2), four sums (r3-r6), the step to the next tap (r11), what is left of a row
 * (r12) and the offset (lr). On the stack are the rows that are left, the output and the window.
 *
 * `taps` is what is done with four channels of a tap, and goes on to the next one; it has r7 to
 * r10. `store` is the output stage, from `channels` at r1 to the output at r2, which it leaves
 * behind the four; it has r7 to r12, and lr where it brings the offset back. */
#define OUTPUTS_THUMB2(name, taps, store)                                                          \
    __asm__(".section .text." name ", \"ax\", %progbits\n"                                         \
            ".balign 4\n"                                                                          \
            ".thumb_func\n"                                                                        \
            ".type " name ", %function\n" name ":\n"                                               \
            "   push   {r4-r11, lr}\n"                                                             \
            "   sub    sp, sp, #12\n"                                                              \
            "   ldrd   r7, r12, [r0, #12]\n" /* out, window */                                     \
            "   ldrd   r11, lr, [r0, #28]\n" /* column_b, offset */                                \
            "1: strd   r7, r12, [sp, #4]\n"                                                        \
            "   ldm    r12, {r1, r2, r9}\n"                                                        \
            "   ldrd   r7, r8, [r0]\n" /* in, weights */                                           \
            "   movs   r3, #0\n"                                                                   \
            "   movs   r4, #0\n"                                                                   \
            "   add    r1, r1, r7\n"                                                               \
            "   add    r2, r2, r8\n"                                                               \
            "   movs   r5, #0\n"                                                                   \
            "   movs   r6, #0\n"                                                                   \
            "2: str    r9, [sp]\n"                                                                 \
            "   ldr    r12, [r12, #12]\n" /* columns */                                            \
            "3:\n" taps "   subs   r12, r12, #1\n"                                                 \
            "   bne    3b\n"                                                                       \
            "   ldr    r9, [sp]\n"                                                                 \
            "   ldr    r12, [sp, #8]\n"                                                            \
            "   ldrd   r7, r8, [r12, #16]\n" /* next_row_b, next_weights_b */                      \
            "   subs   r9, r9, #1\n"                                                               \
            "   add    r1, r1, r7\n"                                                               \
            "   add    r2, r2, r8\n"                                                               \
            "   bne    2b\n"                                                                       \
            "   ldr    r1, [r0, #8]\n" /* channels */                                              \
            "   ldr    r2, [sp, #4]\n" store "   ldr    r12, [sp, #8]\n"                           \
            "   ldrd   r8, r7, [r0, #20]\n" /* end, next_out_b */                                  \
            "   add    r12, r12, #24\n"                                                            \
            "   add    r7, r7, r2\n"                                                               \
            "   cmp    r12, r8\n"                                                                  \
            "   bne    1b\n"                                                                       \
            "   add    sp, sp, #12\n"                                                              \
            "   pop    {r4-r11, pc}\n"                                                             \
            ".size " name ", . - " name "\n"                                                       \
            ".text\n")

/* The taps of a window that are inside the image along one side. */
struct span {
    int32_t first, count;
    int32_t at; /* where the first of them lies in the image */
};

/* Of `taps` taps from `start` on, so far `apart`, those from 0 to `size`. */
static __attribute__((noinline)) struct span inside(int32_t start, int32_t taps, int32_t apart,
                                                    int32_t size) {
    struct span found = {0, 0, start};
    for (; found.at < 0; found.at += apart) {
        found.first++;
    }
    for (int32_t at = found.at; found.first + found.count < taps && at < size; at += apart) {
        found.count++;
    }
    return found;
}

/* Write the windows of the next outputs, of which (*y, *x) is the first; return where they end. */
static __attribute__((noinline)) struct window *
next_windows(const struct depthwise_direct *op, struct window *window, int32_t *y, int32_t *x) {
    struct window *const first = window, *const end = window + DEPTHWISE_DIRECT_OUTPUTS;
    struct span rows = {0, 0, 0};
    for (; window != end && *y < op->out_h; window++) {
        if (window == first || *x == 0) {
            rows = inside(*y * op->stride_h - op->pad_top, op->kernel_h, op->dilation_h, op->in_h);
        }
        const struct span columns =
            inside(*x * op->stride_w - op->pad_left, op->kernel_w, op->dilation_w, op->in_w);
        const bool line = op->kernel_w == 1; /* the rows are one of columns */
        window->value = (rows.at * op->in_w + columns.at) * op->channel_count;
        window->weights = TOGETHER * (rows.first * op->kernel_w + columns.first);
        window->rows = line ? 1 : rows.count;
        window->columns = line ? rows.count : columns.count;
        window->next_row_b = op->next_row - columns.count * op->next_column;
        window->next_weights_b = TOGETHER * (op->kernel_w - columns.count);
        if (++*x == op->out_w) {
            *x = 0;
            ++*y;
        }
    }
    return window;
}

static inline void by_fours(const struct depthwise_direct *op, const int8_t *in, int8_t *out,
                            void *scratch, int32_t offset, outputs_of *compute) {
    const int32_t last = op->channel_count - TOGETHER; /* where the last four channels begin */
    struct window *const windows = scratch;
    struct outputs outputs = {
        .window = windows,
        .next_out_b = last,
        .column_b = op->kernel_w == 1 ? op->next_row : op->next_column,
        .offset = offset,
        .min = op->out_min,
        .max = op->out_max,
    };
    int32_t y = 0, x = 0;
    while (y < op->out_h) {
        struct window *const end = next_windows(op, windows, &y, &x);
        outputs.end = end;
        outputs.weights = op->weights;
        for (int32_t c = 0; c < op->channel_count; c += TOGETHER) {
            const int32_t first = c < last ? c : last; /* the last four may overlap */
            outputs.in = in + first;
            outputs.channels = op->channels + first;
            outputs.out = out + first;
            compute(&outputs);
            outputs.weights += TOGETHER * op->kernel_h * op->kernel_w;
        }
        out += (end - windows) * op->channel_count;
    }
}

#endif
