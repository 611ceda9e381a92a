/* Convolution on RV32IM: four pixels by six channels.
 *
 * A word holds a tap of four pixels, a byte each, 128 more than the value, so that none borrows
 * from the next. Three products with a weight do for the four: of the word, of its upper half, and
 * of its odd bytes. They are summed up modulo 2^32; of sums of 24 bits at most, which the compiler
 * makes sure of, these say all: sum 0 + 2^8 * sum 1 + 2^16 * sum 2 + 2^24 * sum 3, then sum 2 + 2^8
 * * sum 3, and sum 1 + 2^16 * sum 3. What 128 adds to the sums is not in the biases.
 */
#include "blocked.h"

#define PIXELS 4
#define CHANNELS 6
#define ODD_BYTES 0xFF00FF00u

/* Windows, and where the channels of the pixels go. */
struct target {
    const uint32_t *window;
    const uint32_t *end;
    const int8_t *weights;
    const struct channel_dsp *channels;
    int8_t *out;
    int32_t to[PIXELS - 1]; /* bytes from the first pixel's outputs to each other's, or 0 */
    int32_t out_c;          /* more than 0 */
    int32_t min, max;
};

#if defined(__riscv_mul) && __riscv_xlen == 32 && !defined(__riscv_32e)
void four_pixels(const struct target *target);

/* In assembly, for GCC has not registers enough. While sums are made a0 is the target, a1 the
 * window, a2 its end, a3 the weights, ra ODD_BYTES, t0 to t2 a tap's values, a4 and a5 spare; the
 * others are sums, six of each kind. On the stack are s0 to s11, three sums a channel from 52 on,
 * how many channels are left (124), the output (128), the channels (132). */
__asm__(
    ".macro channel word, upper, odd, at, words\n"
    "   lb     a4, \\at(a3)\n"
    "   mul    a5, a4, t0\n"
    "   add    \\word, \\word, a5\n"
    ".if \\words == 2\n"
    "   mul    a5, a4, t1\n"
    "   add    \\upper, \\upper, a5\n"
    ".endif\n"
    "   mul    a4, a4, t2\n"
    "   add    \\odd, \\odd, a4\n"
    ".endm\n"
    ".macro dot channels, words, taps=1\n"
    "10:\n"
    ".irp tap, 0, 1\n"
    ".if \\tap < \\taps\n"
    ".if \\words == 2\n"
    "   lw     t0, 4 * \\tap(a1)\n"
    "   srli   t1, t0, 16\n"
    "   and    t2, t0, ra\n"
    "   srli   t2, t2, 8\n"
    ".else\n"
    "   lhu    t0, 4 * \\tap(a1)\n"
    "   srli   t2, t0, 8\n"
    ".endif\n"
    "   channel s0, s6, t3, \\tap * \\channels, \\words\n"
    ".if \\channels > 1\n"
    "   channel s1, s7, t4, \\tap * \\channels + 1, \\words\n"
    ".endif\n"
    ".if \\channels > 2\n"
    "   channel s2, s8, t5, \\tap * \\channels + 2, \\words\n"
    "   channel s3, s9, t6, \\tap * \\channels + 3, \\words\n"
    ".endif\n"
    ".if \\channels > 4\n"
    "   channel s4, s10, a6, \\tap * \\channels + 4, \\words\n"
    "   channel s5, s11, a7, \\tap * \\channels + 5, \\words\n"
    ".endif\n"
    ".endif\n"
    ".endr\n"
    "   addi   a1, a1, 4 * \\taps\n"
    "   addi   a3, a3, \\channels * \\taps\n"
    "   bne    a1, a2, 10b\n"
    ".endm\n"
    ".macro quantise sum, to\n"
    "   slli   \\sum, \\sum, 1\n"
    "   add    \\sum, \\sum, s0\n"
    "   mul    t6, \\sum, s1\n"
    "   mulh   \\sum, \\sum, s1\n"
    "   srli   t6, t6, 31\n"
    "   add    \\sum, \\sum, t6\n"
    "   srai   t6, \\sum, 31\n"
    "   add    \\sum, \\sum, s2\n"
    "   add    \\sum, \\sum, t6\n"
    "   sra    \\sum, \\sum, s3\n" RISCV_LIMIT(
        "\\sum", "s4",
        "s5") "   sb     \\sum, 0(\\to)\n"
              "   addi   \\to, \\to, 1\n"
              ".endm\n"
              ".section .text.four_pixels, \"ax\", %progbits\n"
              ".balign 4\n"
              ".type four_pixels, %function\n"
              "four_pixels:\n"
              "   addi   sp, sp, -144\n"
              "   sw     ra, 0(sp)\n"
              ".irp at, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
              "   sw     s\\at, 4 + 4 * \\at(sp)\n"
              ".endr\n"
              "   lw     a3, 8(a0)\n"
              "   lw     a4, 12(a0)\n"
              "   sw     a4, 132(sp)\n"
              "   lw     a4, 16(a0)\n"
              "   sw     a4, 128(sp)\n"
              "   lw     a4, 32(a0)\n"
              "20:\n"
              "   sw     a4, 124(sp)\n"
              "   lw     a1, 0(a0)\n"
              "   lw     a2, 4(a0)\n"
              "   lw     t0, 24(a0)\n"
              ".irp sum, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t3, t4, t5, t6, a6, a7\n"
              "   li     \\sum, 0\n"
              ".endr\n"
              "   li     ra, 0xFF00FF00\n"
              "   addi   a4, a4, -6\n"
              "   bgez   a4, 6f\n"
              "   addi   a4, a4, 2\n"
              "   bgez   a4, 4f\n"
              "   addi   a4, a4, 2\n"
              "   bgez   a4, 2f\n"
              "   beqz   t0, 1f\n"
              "   dot    1, 2\n"
              "   j      7f\n"
              "1: dot    1, 1\n"
              "   j      7f\n"
              "2: beqz   t0, 2f\n"
              "   dot    2, 2\n"
              "   j      7f\n"
              "2: dot    2, 1\n"
              "   j      7f\n"
              "4: beqz   t0, 4f\n"
              "   dot    4, 2\n"
              "   j      7f\n"
              "4: dot    4, 1\n"
              "   j      7f\n"
              "6: beqz   t0, 6f\n"
              "   dot    6, 2, 2\n"
              "   j      7f\n"
              "6: dot    6, 1\n"
              "7: sw     s0, 52(sp)\n"
              "   sw     s6, 56(sp)\n"
              "   sw     t3, 60(sp)\n"
              "   sw     s1, 64(sp)\n"
              "   sw     s7, 68(sp)\n"
              "   sw     t4, 72(sp)\n"
              "   sw     s2, 76(sp)\n"
              "   sw     s8, 80(sp)\n"
              "   sw     t5, 84(sp)\n"
              "   sw     s3, 88(sp)\n"
              "   sw     s9, 92(sp)\n"
              "   sw     t6, 96(sp)\n"
              "   sw     s4, 100(sp)\n"
              "   sw     s10, 104(sp)\n"
              "   sw     a6, 108(sp)\n"
              "   sw     s5, 112(sp)\n"
              "   sw     s11, 116(sp)\n"
              "   sw     a7, 120(sp)\n"
              /* Now a1 is at the sums, a2 behind those that count, a5 whether there are four
               * pixels, a6 the channel, s6 to s9 the outputs, s0 to s3 the channel's stage. */
              "   lw     a4, 124(sp)\n"
              "   li     a2, 6\n"
              "   bge    a4, a2, 8f\n"
              "   li     a2, 4\n"
              "   bge    a4, a2, 8f\n"
              "   li     a2, 2\n"
              "   bge    a4, a2, 8f\n"
              "   li     a2, 1\n"
              "8: sub    a4, a4, a2\n"
              "   slli   a1, a2, 2\n"
              "   slli   a2, a2, 3\n"
              "   add    a2, a2, a1\n"
              "   addi   a1, sp, 52\n"
              "   add    a2, a2, a1\n"
              "   lw     s6, 128(sp)\n"
              "   lw     a6, 132(sp)\n"
              "   lw     s7, 20(a0)\n"
              "   lw     a5, 24(a0)\n"
              "   lw     s9, 28(a0)\n"
              "   lw     s4, 36(a0)\n"
              "   lw     s5, 40(a0)\n"
              "   add    s7, s7, s6\n"
              "   add    s8, a5, s6\n"
              "   add    s9, s9, s6\n"
              "30:\n"
              "   lw     t0, 0(a1)\n"
              "   lw     t1, 4(a1)\n"
              "   lw     t2, 8(a1)\n"
              "   lw     s0, 0(a6)\n"
              "   lw     s1, 4(a6)\n"
              "   lw     s2, 8(a6)\n"
              "   lw     s3, 12(a6)\n"
              "   slli   t3, t1, 16\n"
              "   sub    t0, t0, t3\n"
              "   slli   t3, t2, 8\n"
              "   sub    t3, t0, t3\n"
              "   slli   t3, t3, 8\n"
              "   srai   t3, t3, 8\n" /* sum 0 */
              "   sub    t0, t0, t3\n"
              "   srai   t4, t0, 8\n" /* sum 1 */
              "   beqz   a5, 9f\n"
              "   sub    t2, t2, t4\n"
              "   srai   t2, t2, 8\n"
              "   sub    t2, t1, t2\n"
              "   slli   t2, t2, 8\n"
              "   srai   t2, t2, 8\n" /* sum 2 */
              "   sub    t1, t1, t2\n"
              "   srai   t1, t1, 8\n" /* sum 3 */
              "   quantise t1, s9\n" /* the first one last, whose place others have that are none */
              "   quantise t2, s8\n"
              "9: quantise t4, s7\n"
              "   quantise t3, s6\n"
              "   addi   a1, a1, 12\n"
              "   addi   a6, a6, 16\n"
              "   bne    a1, a2, 30b\n"
              "   sw     s6, 128(sp)\n"
              "   sw     a6, 132(sp)\n"
              "   bnez   a4, 20b\n"
              "   lw     ra, 0(sp)\n"
              ".irp at, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
              "   lw     s\\at, 4 + 4 * \\at(sp)\n"
              ".endr\n"
              "   addi   sp, sp, 144\n"
              "   ret\n"
              ".size four_pixels, . - four_pixels\n"
              ".purgem channel\n"
              ".purgem dot\n"
              ".purgem quantise\n"
              ".text\n");
#else
/* Compute and store the next `count` channels; return where the weights behind theirs are. */
static const int8_t *some_channels(const struct target *t, const int8_t *weight,
                                   const struct channel_dsp *channel, int32_t count, int8_t *out) {
    uint32_t words[CHANNELS] = {0}, upper[CHANNELS] = {0}, odd[CHANNELS] = {0};
    for (const uint32_t *tap = t->window; tap != t->end; tap++) {
        for (int32_t i = 0; i < count; i++, weight++) {
            const uint32_t w = (uint32_t)*weight;
            words[i] += *tap * w;
            upper[i] += (*tap >> 16) * w;
            odd[i] += ((*tap & ODD_BYTES) >> 8) * w;
        }
    }
    for (int32_t i = 0; i < count; i++, channel++, out++) {
        const uint32_t two = words[i] - (upper[i] << 16);
        int32_t sum[PIXELS];
        sum[0] = (int32_t)((two - (odd[i] << 8)) << 8) >> 8;
        sum[1] = (int32_t)(two - (uint32_t)sum[0]) >> 8;
        const int32_t last = (int32_t)(odd[i] - (uint32_t)sum[1]) >> 8; /* 2^8 times as large */
        sum[2] = (int32_t)((upper[i] - (uint32_t)last) << 8) >> 8;
        sum[3] = (int32_t)(upper[i] - (uint32_t)sum[2]) >> 8;
        for (int32_t pixel = PIXELS - 1; pixel > 0; pixel--) {
            out[t->to[pixel - 1]] = output_blocked(sum[pixel], channel, t->min, t->max);
        }
        *out = output_blocked(sum[0], channel, t->min, t->max); /* in the place of those missing */
    }
    return weight;
}

static void four_pixels(const struct target *t) {
    const int8_t *weight = t->weights;
    for (int32_t c = 0; c < t->out_c;) {
        const int32_t left = t->out_c - c;
        const int32_t count = left >= 6 ? 6 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        weight = some_channels(t, weight, t->channels + c, count, t->out + c);
        c += count;
    }
}
#endif

/* Write `count` taps of four pixels. */
static inline void copy_four(const int8_t *const from[PIXELS], int32_t count, uint32_t *to) {
    const uint8_t *a = (const uint8_t *)from[0], *b = (const uint8_t *)from[1];
    const uint8_t *c = (const uint8_t *)from[2], *d = (const uint8_t *)from[3];
#pragma GCC unroll 4
    for (const uint32_t *end = to + count; to != end; to++) {
        const uint32_t lower = *a++ | (uint32_t)*b++ << 8;
        const uint32_t upper = (uint32_t)*c++ << 16 | (uint32_t)*d++ << 24;
        *to = (lower | upper) ^ 0x80808080u;
    }
}

/* Write `count` taps of one pixel, of which every fourth byte is. */
static uint8_t *put(uint8_t *to, int32_t count, const int8_t *from, int32_t zero_point) {
    for (const uint8_t *end = to + PIXELS * count; to != end; to += PIXELS) {
        *to = (uint8_t)((from != 0 ? *from++ : zero_point) + 128);
    }
    return to;
}

/* A window's top left corner. */
struct corner {
    int32_t y, x;
};

/* Write one pixel's window, which may reach beyond the image. */
static __attribute__((noinline)) void put_window(const struct conv_2d_blocked *op, const int8_t *in,
                                                 struct corner corner, uint8_t *to) {
    const int32_t width = op->kernel_w * op->in_c, in_row = op->in_w * op->in_c;
    const int32_t x = corner.x * op->in_c;
    const int32_t left = x < 0 ? -x : 0;
    const int32_t right = in_row - x < width ? in_row - x : width;
    for (int32_t y = corner.y; y < corner.y + op->kernel_h; y++) {
        int32_t outside = width;
        if (y >= 0 && y < op->in_h && left < right) {
            to = put(to, left, 0, op->in_zero_point);
            to = put(to, right - left, in + y * in_row + x + left, 0);
            outside = width - right;
        }
        to = put(to, outside, 0, op->in_zero_point);
    }
}

/* Whether all corners are of windows inside the image. */
static int all_inside(const struct conv_2d_blocked *op, const struct corner corner[PIXELS]) {
    int inside = 1;
    for (int32_t i = 0; i < PIXELS; i++) {
        inside &= corner[i].y >= 0 && corner[i].y + op->kernel_h <= op->in_h;
        inside &= corner[i].x >= 0 && corner[i].x + op->kernel_w <= op->in_w;
    }
    return inside;
}

static void copy_windows(const struct conv_2d_blocked *op, const int8_t *in,
                         const struct corner corner[PIXELS], uint32_t *to) {
    const int32_t in_row = op->in_w * op->in_c;
    if (!all_inside(op, corner)) {
        for (int32_t i = 0; i < PIXELS; i++) {
            put_window(op, in, corner[i], (uint8_t *)to + i);
        }
        return;
    }
    const int8_t *from[PIXELS];
    for (int32_t i = 0; i < PIXELS; i++) {
        from[i] = in + corner[i].y * in_row + corner[i].x * op->in_c;
    }
    for (int32_t row = op->kernel_h; row > 0; row--, to += op->kernel_w * op->in_c) {
        copy_four(from, op->kernel_w * op->in_c, to);
        for (int32_t i = 0; i < PIXELS; i++) {
            from[i] += in_row;
        }
    }
}

void conv_2d_rv32(const struct conv_2d_blocked *op, const int8_t *in, int8_t *out, void *scratch) {
    uint32_t *window = scratch;
    struct target target = {
        .window = window,
        .end = window + op->taps,
        .weights = op->weights,
        .channels = op->channels,
        .out = out,
        .out_c = op->out_c,
        .min = op->out_min,
        .max = op->out_max,
    };
    struct corner next = {-op->pad_top, -op->pad_left};
    int32_t column = 0;
    for (int32_t left = op->out_h * op->out_w; left > 0; left -= PIXELS) {
        struct corner corner[PIXELS];
        const int8_t *from[PIXELS];
        for (int32_t i = 0; i < PIXELS; i++) {
            const int there = i < left;
            if (i > 0) {
                target.to[i - 1] = there ? i * op->out_c : 0;
            }
            from[i] = in + (there ? i * op->in_c : 0);
            corner[i] = there ? next : corner[0];
            next.x += op->stride_w;
            if (++column == op->out_w) {
                column = 0;
                next.x = -op->pad_left;
                next.y += op->stride_h;
            }
        }
        if (op->pointwise) {
            copy_four(from, op->in_c, window);
            in += PIXELS * op->in_c;
        } else {
            copy_windows(op, in, corner, window);
        }
        four_pixels(&target);
        target.out += PIXELS * op->out_c;
    }
}
