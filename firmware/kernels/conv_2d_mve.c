/* Convolution with MVE instructions: two pixels by four channels in the inner loop. */
#include "kernels.h"
#include "mve.h"

/* Where two pixels go, four channels at a time. */
struct target {
    const int32_t *channels;
    int8_t *out;
    int32_t out_c; /* from one pixel to the next */
    int32_t fours; /* of channels, at least 1 */
    int32_t min, max;
};

/* Compute two windows that lie side by side, `blocks` (at least 1) of 16 taps each; with `_exact`,
 * halves below zero are rounded away from zero.
 *
 * In assembly, for VMLADAVA adds to even registers only, and the loop needs all eight of them: the
 * first window's sums are r0, r2, r4, r6, the second's r8, r10, r12, lr. Eight blocks are a turn,
 * and the first one begins in the middle. */
void channels_4x2(const int8_t *windows, const int8_t *weights, int32_t blocks,
                  const struct target *target);
void channels_4x2_exact(const int8_t *windows, const int8_t *weights, int32_t blocks,
                        const struct target *target);

__asm__(".macro channels name, exact\n"
        ".section .text.\\name, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type \\name, %function\n"
        "\\name:\n"
        "   push   {r4-r11, lr}\n"
        "   vpush  {d8-d11}\n"
        "   sub    sp, sp, #20\n"
        "   add    r7, r0, r2, lsl #4\n"
        "   strd   r0, r7, [sp]\n" /* the first window and the second, which is its end */
        "   rsb    r2, r2, #0\n"
        "   and    r2, r2, #7\n" /* blocks that the first turn leaves out */
        "   adr    r4, 2f\n"
        "   mov    r6, #(3f - 2f) / 8\n"
        "   mla    r2, r2, r6, r4\n"
        "   orr    r2, r2, #1\n"
        "   str    r2, [sp, #16]\n"
        "   ldrd   r4, r6, [r3, #8]\n"
        "   strd   r4, r6, [sp, #8]\n" /* out_c, fours */
        "   ldrd   r4, r6, [r3, #16]\n"
        "   vdup.32 q4, r4\n"
        "   vdup.32 q5, r6\n"
        "   ldrd   r11, r3, [r3]\n"
        "1: ldm    r11, {r0, r2, r4, r6}\n" /* biases */
        "   mov    r8, r0\n"
        "   mov    r10, r2\n"
        "   mov    r12, r4\n"
        "   mov    lr, r6\n"
        "   ldrd   r5, r7, [sp]\n"
        "   mov    r9, r7\n"
        "   ldr    pc, [sp, #16]\n"
        ".balign 4\n"
        "2:\n"
        ".rept 8\n"
        "   vldrb.8 q0, [r5], #16\n"
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
        ".endr\n"
        "3: cmp    r5, r9\n"
        "   bne.w  2b\n"
        "   vmov   d0, r0, r2\n"
        "   vmov   d1, r4, r6\n"
        "   vmov   d2, r8, r10\n"
        "   vmov   d3, r12, lr\n"
        "   vldrw.32 q2, [r11, #16]\n" /* the output stage, as in mve.h */
        "   vqrdmulh.s32 q0, q0, q2\n"
        "   vqrdmulh.s32 q1, q1, q2\n"
        ".if \\exact\n"
        "   vshr.s32 q2, q0, #31\n"
        "   vshr.s32 q3, q1, #31\n"
        "   vadd.i32 q0, q0, q2\n"
        "   vadd.i32 q1, q1, q3\n"
        ".endif\n"
        "   vldrw.32 q2, [r11, #32]\n"
        "   vadd.i32 q0, q0, q2\n"
        "   vadd.i32 q1, q1, q2\n"
        "   vldrw.32 q3, [r11, #48]\n"
        "   vshl.s32 q0, q0, q3\n"
        "   vshl.s32 q1, q1, q3\n"
        "   vmax.s32 q0, q0, q4\n"
        "   vmax.s32 q1, q1, q4\n"
        "   vmin.s32 q0, q0, q5\n"
        "   vmin.s32 q1, q1, q5\n"
        "   ldrd   r0, r2, [sp, #8]\n"
        "   add    r11, r11, #64\n"
        "   add    r0, r0, r3\n"
        "   vstrb.32 q0, [r3], #4\n"
        "   vstrb.32 q1, [r0]\n"
        "   subs   r2, r2, #1\n"
        "   str    r2, [sp, #12]\n"
        "   bne    1b\n"
        "   add    sp, sp, #20\n"
        "   vpop   {d8-d11}\n"
        "   pop    {r4-r11, pc}\n"
        ".size \\name, . - \\name\n"
        ".endm\n"
        "   channels channels_4x2, 0\n"
        "   channels channels_4x2_exact, 1\n"
        ".purgem channels\n"
        ".text\n");

/* Copy the window with top left corner (y0, x0), with the zero point outside the image. */
static __attribute__((noinline)) void copy_border(const struct conv_2d_mve *op, const int8_t *in,
                                                  int32_t y0, int32_t x0, int8_t *window) {
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
        fill(window, zero, left * op->in_c);
        copy(window + left * op->in_c, row, inside);
        fill(window + left * op->in_c + inside, zero, right * op->in_c);
    }
}

/* Compute the channels from `first` on, which is a multiple of four, of one pixel. */
static void channels(const struct conv_2d_mve *op, const int8_t *window, int32_t first,
                     int8_t *out) {
    const struct limits limits = {vdupq_n_s32(op->out_min), vdupq_n_s32(op->out_max),
                                  op->exact_negatives};
    const int32_t window_b = 16 * op->blocks;
    const int8_t *weights = op->weights + window_b * first;
    for (int32_t c = first; c < op->out_c; c += 4) {
        const int32_t *parameters = op->channels + 4 * c;
        store(dot_4(window, window_b, &weights, parameters), parameters, &limits, op->out_c - c,
              out + c);
    }
}

/* What is the same for all windows. */
struct shape {
    int32_t width, in_row; /* bytes of a row of the window, and of the image */
    int32_t rows, columns; /* corners above and left of these are of windows inside the image */
};

static inline void copy_window(const struct conv_2d_mve *op, const struct shape *shape,
                               const int8_t *in, int32_t y, int32_t x, int8_t *window) {
    if ((uint32_t)y >= (uint32_t)shape->rows || (uint32_t)x >= (uint32_t)shape->columns) {
        copy_border(op, in, y, x, window);
        return;
    }
    const int8_t *row = in + y * shape->in_row + x * op->in_c;
    for (int32_t i = op->kernel_h; i > 0; i--, window += shape->width, row += shape->in_row) {
        copy(window, row, shape->width);
    }
}

static inline int32_t not_below_0(int32_t x) {
    return x < 0 ? 0 : x;
}

void conv_2d_mve(const struct conv_2d_mve *op, const int8_t *in, int8_t *out, void *scratch) {
    int8_t *windows = scratch;
    const int32_t window_b = 16 * op->blocks;
    const int32_t pixels = op->out_h * op->out_w;
    const int32_t whole = op->out_c & ~3;
    const struct shape shape = {op->kernel_w * op->in_c, op->in_w * op->in_c,
                                not_below_0(op->in_h - op->kernel_h + 1),
                                not_below_0(op->in_w - op->kernel_w + 1)};
    struct target target = {op->channels, out, op->out_c, op->out_c / 4, op->out_min, op->out_max};
    int32_t y = -op->pad_top, x = -op->pad_left, column = 0;
    for (int32_t left = pixels; left > 0; left -= 2) {
        const int32_t count = left < 2 ? 1 : 2;
        if (op->pointwise) {
            copy(windows, in, op->in_c);
            if (count == 2) {
                copy(windows + window_b, in + op->in_c, op->in_c);
            }
            in += 2 * op->in_c;
        } else {
            for (int32_t i = 0; i < count; i++) {
                copy_window(op, &shape, in, y, x, windows + i * window_b);
                x += op->stride_w;
                if (++column == op->out_w) {
                    column = 0;
                    x = -op->pad_left;
                    y += op->stride_h;
                }
            }
        }
        int32_t done = 0;
        if (count == 2 && whole > 0) {
            target.out = out;
            (op->exact_negatives ? channels_4x2_exact : channels_4x2)(windows, op->weights,
                                                                      op->blocks, &target);
            done = whole;
        }
        for (int32_t i = 0; i < count; i++, out += op->out_c) {
            if (done < op->out_c) {
                channels(op, windows + i * window_b, done, out);
            }
        }
    }
}
