/* Convolution with MVE instructions: two pixels by four channels in the inner loop. */
#include "kernels.h"
#include "mve.h"

/* sums[pixel][channel] of two windows that lie side by side and four channels, biases included;
 * `blocks` is at least 1.
 *
 * In assembly, for VMLADAVA adds to even registers only, and the loop needs all eight of them: the
 * first window's sums are r0, r2, r4, r6, the second's r8, r10, r12, lr. */
void dot_4x2(const int8_t *windows, const int8_t *weights, int32_t blocks, const int32_t *biases,
             int32_t *sums);

__asm__(".section .text.dot_4x2, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type dot_4x2, %function\n"
        "dot_4x2:\n"
        "   push   {r4-r12, lr}\n"
        "   mov    r5, r0\n"
        "   add    r7, r0, r2, lsl #4\n" /* the second window */
        "   mov    r9, r7\n"             /* the end of the first */
        "   ldm    r3, {r0, r2, r4, r6}\n"
        "   mov    r8, r0\n"
        "   mov    r10, r2\n"
        "   mov    r12, r4\n"
        "   mov    lr, r6\n"
        "1: vldrb.8 q0, [r5], #16\n"
        "   vldrb.8 q2, [r1], #16\n"
        "   vmladava.s8 r0, q0, q2\n"
        "   vldrb.8 q1, [r7], #16\n"
        "   vmladava.s8 r8, q1, q2\n"
        "   vldrb.8 q3, [r1], #16\n"
        "   vmladava.s8 r2, q0, q3\n"
        "   vldrb.8 q2, [r1], #16\n"
        "   vmladava.s8 r10, q1, q3\n"
        "   vmladava.s8 r4, q0, q2\n"
        "   vldrb.8 q3, [r1], #16\n"
        "   vmladava.s8 r12, q1, q2\n"
        "   vmladava.s8 r6, q0, q3\n"
        "   vmladava.s8 lr, q1, q3\n"
        "   cmp    r5, r9\n"
        "   bne    1b\n"
        "   ldr    r3, [sp, #40]\n"
        "   stmia  r3, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
        "   pop    {r4-r12, pc}\n"
        ".size dot_4x2, . - dot_4x2\n"
        ".text\n");

/* Copy the window with top left corner (y0, x0), with the zero point outside the image. */
static void copy_window(const struct conv_2d_mve *op, const int8_t *in, int32_t y0, int32_t x0,
                        int8_t *window) {
    const int8_t zero = (int8_t)op->in_zero_point;
    const int32_t width = op->kernel_w * op->in_c;
    const int32_t left = x0 < 0 ? -x0 : 0;
    const int32_t beyond = x0 + op->kernel_w - op->in_w;
    const int32_t right = beyond > 0 ? beyond : 0;
    const int32_t inside = width - (left + right) * op->in_c;
    for (int32_t y = y0; y < y0 + op->kernel_h; y++, window += width) {
        if (y < 0 || y >= op->in_h) {
            fill(window, zero, width);
            continue;
        }
        const int8_t *row = in + (y * op->in_w + x0 + left) * op->in_c;
        if (inside == width) {
            copy(window, row, width);
            continue;
        }
        fill(window, zero, left * op->in_c);
        copy(window + left * op->in_c, row, inside);
        fill(window + left * op->in_c + inside, zero, right * op->in_c);
    }
}

void conv_2d_mve(const struct conv_2d_mve *op, const int8_t *in, int8_t *out, void *scratch) {
    int8_t *windows = scratch;
    const int32_t blocks = op->blocks;
    const int32_t window_b = 16 * blocks;
    const int32_t out_c = op->out_c;
    const int32_t pixels = op->out_h * op->out_w;
    const struct limits limits = {vdupq_n_s32(op->out_min), vdupq_n_s32(op->out_max),
                                  op->exact_negatives};
    int32_t row = 0;
    int32_t column = 0;
    for (int32_t first = 0; first < pixels; first += 2) {
        const int32_t count = pixels - first < 2 ? 1 : 2;
        if (op->pointwise) {
            copy(windows, in + first * op->in_c, op->in_c);
            if (count == 2) {
                copy(windows + window_b, in + (first + 1) * op->in_c, op->in_c);
            }
        } else {
            for (int32_t i = 0; i < count; i++) {
                copy_window(op, in, row * op->stride_h - op->pad_top,
                            column * op->stride_w - op->pad_left, windows + i * window_b);
                column++;
                if (column == op->out_w) {
                    column = 0;
                    row++;
                }
            }
        }
        const int32_t *channels = op->channels;
        const int8_t *weights = op->weights;
        for (int32_t left = out_c; left > 0; left -= 4) {
            if (count == 2) {
                int32_t sums[8];
                dot_4x2(windows, weights, blocks, channels, sums);
                store(vldrwq_s32(sums), channels, &limits, left, out);
                store(vldrwq_s32(sums + 4), channels, &limits, left, out + out_c);
            } else {
                store(dot_4(windows, window_b, weights, channels), channels, &limits, left, out);
            }
            weights += 4 * window_b;
            channels += 16;
            out += left < 4 ? left : 4;
        }
        out += (count - 1) * out_c;
    }
}
