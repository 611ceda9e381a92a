/* Depthwise 3x3 convolution in portable C: a plane with its border, four outputs at a time. */
#include "blocked.h"

#include <string.h>

#define TOGETHER 4
#define inlined static inline __attribute__((always_inline))

/* A channel's filter and output stage, and how to go through its plane. */
struct filter {
    int32_t w[9];
    struct channel_dsp channel;
    int32_t min, max;
    int32_t row;         /* bytes of a row of the plane */
    int32_t step;        /* from an output to the next */
    int32_t fours, ones; /* outputs of a row, in fours and those that are left */
    int32_t next;        /* from behind the windows of an output row to those of the next */
    int32_t rows;
};

/* Compute a channel: steps of one or two pixels, limits that are those of int8 or not. */
#ifdef __thumb2__
void channel_by_1(const struct filter *f, const int8_t *plane, int8_t *out);
void channel_by_2(const struct filter *f, const int8_t *plane, int8_t *out);
void channel_by_1_limited(const struct filter *f, const int8_t *plane, int8_t *out);
void channel_by_2_limited(const struct filter *f, const int8_t *plane, int8_t *out);

/* In assembly, for GCC has not registers enough. r0 is the plane, r1 the filter, r2 the output, r3
 * its step, r4 to r7 are sums, r8 to r10 a row's weights, lr the row of the plane. */
__asm__(".macro begin name\n"
        ".section .text.\\name, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type \\name, %function\n"
        "\\name:\n"
        "   push   {r4-r11, lr}\n"
        "   sub    sp, sp, #8\n"
        "   mov    r4, r0\n"
        "   mov    r0, r1\n"
        "   mov    r1, r4\n"
        "   ldrd   lr, r3, [r1, #60]\n"
        "   ldr    r12, [r1, #80]\n"
        "   str    r12, [sp]\n"
        ".endm\n"
        ".macro quantise sum, limited\n"
        "   add    r12, r8, \\sum, lsl #1\n"
        "   smull  r12, \\sum, r12, r9\n"
        "   add    \\sum, \\sum, r12, lsr #31\n"
        "   add    \\sum, \\sum, \\sum, asr #31\n"
        "   add    \\sum, \\sum, r10\n"
        "   asr    \\sum, \\sum, r11\n"
        ".if \\limited\n"
        "   ldr    r12, [r1, #16]\n"
        "   cmp    \\sum, r12\n"
        "   it     lt\n"
        "   movlt  \\sum, r12\n"
        "   ldr    r12, [r1, #20]\n"
        "   cmp    \\sum, r12\n"
        "   it     gt\n"
        "   movgt  \\sum, r12\n"
        ".else\n"
        "   ssat   \\sum, #8, \\sum\n"
        ".endif\n"
        "   strb   \\sum, [r2]\n"
        "   add    r2, r2, r3\n"
        ".endm\n"
        ".macro first sum, value, weight\n"
        "   mul    \\sum, \\value, \\weight\n"
        ".endm\n"
        ".macro more sum, value, weight\n"
        "   mla    \\sum, \\value, \\weight, \\sum\n"
        ".endm\n"
        ".macro four_by_1 op\n"
        "   ldm    r1!, {r8-r10}\n"
        "   ldrsb  r11, [r0]\n"
        "   ldrsb  r12, [r0, #1]\n"
        "   \\op   r4, r11, r8\n"
        "   more   r4, r12, r9\n"
        "   \\op   r5, r12, r8\n"
        "   ldrsb  r11, [r0, #2]\n"
        "   ldrsb  r12, [r0, #3]\n"
        "   more   r4, r11, r10\n"
        "   more   r5, r11, r9\n"
        "   \\op   r6, r11, r8\n"
        "   more   r5, r12, r10\n"
        "   more   r6, r12, r9\n"
        "   \\op   r7, r12, r8\n"
        "   ldrsb  r11, [r0, #4]\n"
        "   ldrsb  r12, [r0, #5]\n"
        "   more   r6, r11, r10\n"
        "   more   r7, r11, r9\n"
        "   more   r7, r12, r10\n"
        "   add    r0, r0, lr\n"
        ".endm\n"
        ".macro four_by_2 op\n"
        "   ldm    r1!, {r8-r10}\n"
        "   ldrsb  r11, [r0]\n"
        "   ldrsb  r12, [r0, #1]\n"
        "   \\op   r4, r11, r8\n"
        "   more   r4, r12, r9\n"
        "   ldrsb  r11, [r0, #2]\n"
        "   ldrsb  r12, [r0, #3]\n"
        "   more   r4, r11, r10\n"
        "   \\op   r5, r11, r8\n"
        "   more   r5, r12, r9\n"
        "   ldrsb  r11, [r0, #4]\n"
        "   ldrsb  r12, [r0, #5]\n"
        "   more   r5, r11, r10\n"
        "   \\op   r6, r11, r8\n"
        "   more   r6, r12, r9\n"
        "   ldrsb  r11, [r0, #6]\n"
        "   ldrsb  r12, [r0, #7]\n"
        "   more   r6, r11, r10\n"
        "   \\op   r7, r11, r8\n"
        "   more   r7, r12, r9\n"
        "   ldrsb  r11, [r0, #8]\n"
        "   more   r7, r11, r10\n"
        "   add    r0, r0, lr\n"
        ".endm\n"
        ".macro one op\n"
        "   ldm    r1!, {r8-r10}\n"
        "   ldrsb  r11, [r0]\n"
        "   ldrsb  r12, [r0, #1]\n"
        "   \\op   r4, r11, r8\n"
        "   ldrsb  r11, [r0, #2]\n"
        "   more   r4, r12, r9\n"
        "   more   r4, r11, r10\n"
        "   add    r0, r0, lr\n"
        ".endm\n"
        ".macro back columns\n" /* to the top of the next windows, and to the weights */
        "   sub    r0, r0, lr\n"
        "   sub    r0, r0, lr, lsl #1\n"
        "   add    r0, r0, #\\columns\n"
        "   sub    r1, r1, #36\n"
        "   ldr    r12, [sp, #4]\n"
        "   subs   r12, r12, #1\n"
        "   str    r12, [sp, #4]\n"
        ".endm\n"
        ".macro channel name, stride, limited\n"
        "   begin  \\name\n"
        "1: ldr    r12, [r1, #68]\n"
        "   str    r12, [sp, #4]\n"
        "   cmp    r12, #0\n"
        "   beq    3f\n"
        "2: four_by_\\stride first\n"
        "   four_by_\\stride more\n"
        "   four_by_\\stride more\n"
        "   ldm    r1, {r8-r11}\n"
        ".irp sum, r4, r5, r6, r7\n"
        "   quantise \\sum, \\limited\n"
        ".endr\n"
        "   back   4 * \\stride\n"
        "   bne    2b\n"
        "3: ldr    r12, [r1, #72]\n"
        "   str    r12, [sp, #4]\n"
        "   cmp    r12, #0\n"
        "   beq    5f\n"
        "4: one    first\n"
        "   one    more\n"
        "   one    more\n"
        "   ldm    r1, {r8-r11}\n"
        "   quantise r4, \\limited\n"
        "   back   \\stride\n"
        "   bne    4b\n"
        "5: ldr    r12, [r1, #76]\n"
        "   add    r0, r0, r12\n"
        "   ldr    r12, [sp]\n"
        "   subs   r12, r12, #1\n"
        "   str    r12, [sp]\n"
        "   bne.w  1b\n"
        "   add    sp, sp, #8\n"
        "   pop    {r4-r11, pc}\n"
        ".size \\name, . - \\name\n"
        ".endm\n"
        "   channel channel_by_1, 1, 0\n"
        "   channel channel_by_2, 2, 0\n"
        "   channel channel_by_1_limited, 1, 1\n"
        "   channel channel_by_2_limited, 2, 1\n"
        ".irp name, begin, quantise, first, more, four_by_1, four_by_2, one, back, channel\n"
        ".purgem \\name\n"
        ".endr\n"
        ".text\n");
#elif defined(__riscv_mul) && __riscv_xlen == 32 && !defined(__riscv_32e)
void channel_by_1(const struct filter *f, const int8_t *plane, int8_t *out);
void channel_by_2(const struct filter *f, const int8_t *plane, int8_t *out);

/* In assembly, for GCC loads early and then has not registers enough. a0 is the filter, a1 the
 * plane, a2 the output, a3 its step, a4 the row of the plane; s0 to s8 are the weights, t0 to t3
 * the sums, s9 to s11 and a5 the output stage, a6 and a7 the limits, t4 and t5 are spare. */
__asm__(".macro tap sum, value, weight\n"
        "   mul    t5, \\value, \\weight\n"
        "   add    \\sum, \\sum, t5\n"
        ".endm\n"
        ".macro first sum, value, weight\n"
        "   mul    \\sum, \\value, \\weight\n"
        ".endm\n"
        ".macro four_by_1 op, a, b, c\n"
        "   lb     t4, 0(a1)\n"
        "   \\op   t0, t4, \\a\n"
        "   lb     t4, 1(a1)\n"
        "   tap    t0, t4, \\b\n"
        "   \\op   t1, t4, \\a\n"
        "   lb     t4, 2(a1)\n"
        "   tap    t0, t4, \\c\n"
        "   tap    t1, t4, \\b\n"
        "   \\op   t2, t4, \\a\n"
        "   lb     t4, 3(a1)\n"
        "   tap    t1, t4, \\c\n"
        "   tap    t2, t4, \\b\n"
        "   \\op   t3, t4, \\a\n"
        "   lb     t4, 4(a1)\n"
        "   tap    t2, t4, \\c\n"
        "   tap    t3, t4, \\b\n"
        "   lb     t4, 5(a1)\n"
        "   tap    t3, t4, \\c\n"
        "   add    a1, a1, a4\n"
        ".endm\n"
        ".macro four_by_2 op, a, b, c\n"
        "   lb     t4, 0(a1)\n"
        "   \\op   t0, t4, \\a\n"
        "   lb     t4, 1(a1)\n"
        "   tap    t0, t4, \\b\n"
        "   lb     t4, 2(a1)\n"
        "   tap    t0, t4, \\c\n"
        "   \\op   t1, t4, \\a\n"
        "   lb     t4, 3(a1)\n"
        "   tap    t1, t4, \\b\n"
        "   lb     t4, 4(a1)\n"
        "   tap    t1, t4, \\c\n"
        "   \\op   t2, t4, \\a\n"
        "   lb     t4, 5(a1)\n"
        "   tap    t2, t4, \\b\n"
        "   lb     t4, 6(a1)\n"
        "   tap    t2, t4, \\c\n"
        "   \\op   t3, t4, \\a\n"
        "   lb     t4, 7(a1)\n"
        "   tap    t3, t4, \\b\n"
        "   lb     t4, 8(a1)\n"
        "   tap    t3, t4, \\c\n"
        "   add    a1, a1, a4\n"
        ".endm\n"
        ".macro one op, a, b, c\n"
        "   lb     t4, 0(a1)\n"
        "   \\op   t0, t4, \\a\n"
        "   lb     t4, 1(a1)\n"
        "   tap    t0, t4, \\b\n"
        "   lb     t4, 2(a1)\n"
        "   tap    t0, t4, \\c\n"
        "   add    a1, a1, a4\n"
        ".endm\n"
        ".macro quantise sum\n"
        "   slli   \\sum, \\sum, 1\n"
        "   add    \\sum, \\sum, s9\n"
        "   mul    t5, \\sum, s10\n"
        "   mulh   \\sum, \\sum, s10\n"
        "   srli   t5, t5, 31\n"
        "   add    \\sum, \\sum, t5\n"
        "   srai   t5, \\sum, 31\n"
        "   add    \\sum, \\sum, s11\n"
        "   add    \\sum, \\sum, t5\n"
        "   sra    \\sum, \\sum, a5\n" RISCV_LIMIT(
            "\\sum", "a6",
            "a7") "   sb     \\sum, 0(a2)\n"
                  "   add    a2, a2, a3\n"
                  ".endm\n"
                  ".macro back columns\n"
                  "   sub    a1, a1, ra\n"
                  "   addi   a1, a1, \\columns\n"
                  "   addi   t6, t6, -1\n"
                  ".endm\n"
                  ".macro channel name, stride\n"
                  ".section .text.\\name, \"ax\", %progbits\n"
                  ".balign 4\n"
                  ".type \\name, %function\n"
                  "\\name:\n"
                  "   addi   sp, sp, -64\n"
                  "   sw     ra, 0(sp)\n"
                  ".irp at, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
                  "   sw     s\\at, 4 + 4 * \\at(sp)\n"
                  ".endr\n"
                  ".irp at, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
                  "   lw     s\\at, 4 * \\at(a0)\n"
                  ".endr\n"
                  "   lw     a5, 48(a0)\n"
                  "   lw     a6, 52(a0)\n"
                  "   lw     a7, 56(a0)\n"
                  "   lw     a4, 60(a0)\n"
                  "   lw     a3, 64(a0)\n"
                  "   lw     t6, 80(a0)\n"
                  "   sw     t6, 56(sp)\n" /* rows */
                  "   slli   ra, a4, 1\n"
                  "   add    ra, ra, a4\n"
                  "1: lw     t6, 68(a0)\n"
                  "   beqz   t6, 3f\n"
                  "2: four_by_\\stride first, s0, s1, s2\n"
                  "   four_by_\\stride tap, s3, s4, s5\n"
                  "   four_by_\\stride tap, s6, s7, s8\n"
                  "   back   4 * \\stride\n"
                  ".irp sum, t0, t1, t2, t3\n"
                  "   quantise \\sum\n"
                  ".endr\n"
                  "   bnez   t6, 2b\n"
                  "3: lw     t6, 72(a0)\n"
                  "   beqz   t6, 5f\n"
                  "4: one    first, s0, s1, s2\n"
                  "   one    tap, s3, s4, s5\n"
                  "   one    tap, s6, s7, s8\n"
                  "   back   \\stride\n"
                  "   quantise t0\n"
                  "   bnez   t6, 4b\n"
                  "5: lw     t4, 76(a0)\n"
                  "   lw     t6, 56(sp)\n"
                  "   add    a1, a1, t4\n"
                  "   addi   t6, t6, -1\n"
                  "   sw     t6, 56(sp)\n"
                  "   bnez   t6, 1b\n"
                  "   lw     ra, 0(sp)\n"
                  ".irp at, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
                  "   lw     s\\at, 4 + 4 * \\at(sp)\n"
                  ".endr\n"
                  "   addi   sp, sp, 64\n"
                  "   ret\n"
                  ".size \\name, . - \\name\n"
                  ".endm\n"
                  "   channel channel_by_1, 1\n"
                  "   channel channel_by_2, 2\n"
                  ".irp name, tap, first, four_by_1, four_by_2, one, quantise, back, channel\n"
                  ".purgem \\name\n"
                  ".endr\n"
                  ".text\n");

#define channel_by_1_limited channel_by_1
#define channel_by_2_limited channel_by_2
#else
/* Add the products of a row of the window to `count` sums; it and `stride` are constants. */
inlined void add_row(int32_t sum[TOGETHER], const int8_t *value, const int32_t w[3], int32_t count,
                     int32_t stride) {
#pragma GCC unroll 9
    for (int32_t x = 0; x < (count - 1) * stride + 3; x++) {
        const int32_t v = value[x];
#pragma GCC unroll 4
        for (int32_t i = 0; i < count; i++) {
            const int32_t tap = x - i * stride;
            if (tap >= 0 && tap < 3) {
                sum[i] += v * w[tap];
            }
        }
    }
}

inlined void outputs(const struct filter *f, const int8_t *value, int32_t count, int32_t stride,
                     int8_t *out) {
    int32_t sum[TOGETHER] = {0};
    add_row(sum, value, f->w, count, stride);
    add_row(sum, value + f->row, f->w + 3, count, stride);
    add_row(sum, value + 2 * f->row, f->w + 6, count, stride);
#pragma GCC unroll 4
    for (int32_t i = 0; i < count; i++, out += f->step) {
        *out = output_blocked(sum[i], &f->channel, f->min, f->max);
    }
}

inlined void channel(const struct filter *filter, const int8_t *value, int32_t stride,
                     int8_t *out) {
    const struct filter f = *filter; /* not what `out` may point to */
    for (int32_t rows = f.rows; rows > 0; rows--, value += f.next) {
        for (int32_t i = f.fours; i > 0; i--, value += TOGETHER * stride) {
            outputs(&f, value, TOGETHER, stride, out);
            out += TOGETHER * f.step;
        }
        for (int32_t i = f.ones; i > 0; i--, value += stride, out += f.step) {
            outputs(&f, value, 1, stride, out);
        }
    }
}

static void channel_by_1(const struct filter *f, const int8_t *plane, int8_t *out) {
    channel(f, plane, 1, out);
}

static void channel_by_2(const struct filter *f, const int8_t *plane, int8_t *out) {
    channel(f, plane, 2, out);
}

#define channel_by_1_limited channel_by_1
#define channel_by_2_limited channel_by_2
#endif

/* Copy a channel to the plane, within its border. */
static void copy_plane(const struct depthwise_3x3_blocked *op, const int8_t *in, int8_t *plane) {
    const int32_t step = op->channel_count;
    const int32_t width = op->in_w;
    const int32_t border = op->plane_w - width;
    int8_t *to = plane + op->pad_top * op->plane_w + op->pad_left;
    for (int32_t rows = op->in_h; rows > 0; rows--, to += border) {
        int32_t left = width;
        for (; left >= 4; left -= 4, to += 4) {
            const int8_t a = *in;
            in += step;
            const int8_t b = *in;
            in += step;
            const int8_t c = *in;
            in += step;
            const int8_t d = *in;
            in += step;
            to[0] = a, to[1] = b, to[2] = c, to[3] = d;
        }
        for (; left > 0; left--, in += step) {
            *to++ = *in;
        }
    }
}

void depthwise_3x3_blocked(const struct depthwise_3x3_blocked *op, const int8_t *in, int8_t *out,
                           void *scratch) {
    int8_t *plane = scratch;
    const int limited = op->out_min != INT8_MIN || op->out_max != INT8_MAX;
    struct filter f = {
        .min = op->out_min,
        .max = op->out_max,
        .row = op->plane_w,
        .step = op->channel_count,
        .fours = op->out_w / TOGETHER,
        .ones = op->out_w % TOGETHER,
        .next = op->stride_h * op->plane_w - op->stride_w * op->out_w,
        .rows = op->out_h,
    };
    void (*compute)(const struct filter *, const int8_t *, int8_t *) =
        op->stride_w == 1 ? (limited ? channel_by_1_limited : channel_by_1)
                          : (limited ? channel_by_2_limited : channel_by_2);
    memset(plane, op->in_zero_point, (size_t)(op->plane_h * op->plane_w));
    const int8_t *weight = op->weights;
    for (int32_t c = 0; c < op->channel_count; c++) {
        copy_plane(op, in + c, plane);
        for (int32_t i = 0; i < 9; i++) {
            f.w[i] = *weight++;
        }
        f.channel = op->channels[c];
        compute(&f, plane, out + c);
    }
}
