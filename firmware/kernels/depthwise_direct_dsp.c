/* Depthwise convolution with DSP instructions of images as they lie: four channels at a time, by
 * the taps that lie inside the image. */
#include "dsp.h"

#include <stdbool.h>

#define TOGETHER 4

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
    int32_t offset;     /* twice what is added to an input */
    int32_t min, max;   /* if exact */
};

/* Compute them: halves are rounded either way and clamped to int8, or exactly.
 *
 * In assembly, for the loop needs all the registers there are: the description (r0), inputs and
 * weights (r1, r2), four sums (r3-r6), two channels of each (r7-r10), the step to the next tap
 * (r11), what is left of a row (r12) and the offset (lr). On the stack are the rows that are left
 * and the window. */
void outputs_clamped(const struct outputs *outputs);
void outputs_exact(const struct outputs *outputs);

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

static struct window window_of(const struct depthwise_direct_dsp *op, int32_t y, int32_t x) {
    const struct span rows =
        inside(y * op->stride_h - op->pad_top, op->kernel_h, op->dilation_h, op->in_h);
    const struct span columns =
        inside(x * op->stride_w - op->pad_left, op->kernel_w, op->dilation_w, op->in_w);
    struct window found = {
        .value = (rows.at * op->in_w + columns.at) * op->channel_count,
        .weights = TOGETHER * (rows.first * op->kernel_w + columns.first),
        .rows = rows.count,
        .columns = columns.count,
        .next_row_b = op->next_row - columns.count * op->next_column,
        .next_weights_b = TOGETHER * (op->kernel_w - columns.count),
    };
    if (op->kernel_w == 1) { /* the rows are one of columns */
        found.rows = 1;
        found.columns = rows.count;
    }
    return found;
}

void depthwise_direct_dsp(const struct depthwise_direct_dsp *op, const int8_t *in, int8_t *out,
                          void *scratch) {
    const bool exact = op->exact_negatives || op->out_min > INT8_MIN || op->out_max < INT8_MAX;
    const int32_t last = op->channel_count - TOGETHER; /* where the last four channels begin */
    struct window *const windows = scratch;
    struct outputs outputs = {
        .window = windows,
        .next_out_b = last,
        .column_b = op->kernel_w == 1 ? op->next_row : op->next_column,
        .offset = pack(-op->in_zero_point, -op->in_zero_point),
        .min = op->out_min,
        .max = op->out_max,
    };
    int32_t y = 0, x = 0;
    while (y < op->out_h) {
        struct window *window = windows;
        for (; window != windows + DEPTHWISE_DIRECT_OUTPUTS && y < op->out_h; window++) {
            *window = window_of(op, y, x);
            if (++x == op->out_w) {
                x = 0;
                y++;
            }
        }
        outputs.end = window;
        outputs.weights = op->weights;
        for (int32_t c = 0; c < op->channel_count; c += TOGETHER) {
            const int32_t first = c < last ? c : last; /* the last four may overlap */
            outputs.in = in + first;
            outputs.channels = op->channels + first;
            outputs.out = out + first;
            (exact ? outputs_exact : outputs_clamped)(&outputs);
            outputs.weights += TOGETHER * op->kernel_h * op->kernel_w;
        }
        out += (window - windows) * op->channel_count;
    }
}
