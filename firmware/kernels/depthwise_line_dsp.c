/* Depthwise convolution along one side of an image with DSP instructions: pairs of inputs by four
 * outputs. */
#include "dsp.h"

#define CHANNELS DEPTHWISE_LINE_CHANNELS /* that are brought into lines together */
#define OUTPUTS 4                        /* that are computed together */

/* What the lines of four channels have in common. Weights are twice as large, as are the sums then:
 * (w0 w1) (w1 w2), (w2 w3) (w3 w4) and so on, filled up with zeros, each so far apart as inputs. */
struct line {
    const packed *weights, *end; /* of the first channel */
    const struct channel_dsp *channels;
    int32_t step_b;  /* from an output to the next */
    int32_t whole_b; /* from the first to the last that are computed together, of which there ... */
    int32_t left;    /* ... are so many, at least one */
};

/* Compute a line of each channel from pairs of inputs that are CHANNELS words apart: of up to three
 * weights, up to five, or in sixes and one. Nothing is clamped but to int8, and halves are rounded
 * away from zero.
 *
 * In assembly, for the loops need all the registers there are: inputs, description and outputs
 * (r0-r2), weights (r3-r6), inputs (r7-r10), four sums (r11, r12, lr, r1). What the description
 * says is on the stack. */
typedef void line_of(const packed *in, const struct line *line, int8_t *out);
line_of line_3, line_5, line_any;

__asm__(/* Halves below zero go away from it as one less is added there; which makes no difference
         * where a product rounds to zero. */
        ".macro round sum\n"
        "   add    r9, r8, \\sum, asr #31\n"
        "   smmlar \\sum, \\sum, r7, r9\n"
        ".endm\n"
        /* The output stage of four sums; goes on to the next, or to 4 after the last. */
        ".macro outputs\n"
        "   ldrd   r7, r8, [sp, #12]\n" /* multiplier, rounding */
        "   round  r11\n"
        "   round  r12\n"
        "   round  lr\n"
        "   round  r1\n"
        "   ldrd   r7, r8, [sp, #20]\n" /* right_shift, step_b */
        "   asr    r11, r11, r7\n"
        "   asr    r12, r12, r7\n"
        "   asr    lr, lr, r7\n"
        "   asr    r1, r1, r7\n"
        "   ldr    r7, [sp, #28]\n" /* last */
        "   ssat   r11, #8, r11\n"
        "   ssat   r12, #8, r12\n"
        "   ssat   lr, #8, lr\n"
        "   ssat   r1, #8, r1\n"
        "   cmp    r2, r7\n"
        "   strb   r11, [r2]\n"
        "   beq    4f\n"
        "   strb   r12, [r2, r8]\n"
        "   add    r2, r2, r8, lsl #1\n"
        "   add    r0, r0, #32\n"
        "   strb   lr, [r2]\n"
        "   strb   r1, [r2, r8]\n"
        "   add    r2, r2, r8, lsl #1\n"
        ".endm\n"
        ".macro enter name\n" /* and begin with a channel, whose weights are at r3 */
        ".section .text.\\name, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type \\name, %function\n"
        "\\name:\n"
        "   push   {r4-r11, lr}\n"
        "   sub    sp, sp, #60\n"
        "   ldm    r1, {r3-r8}\n"
        "   movs   r9, #4\n"
        "   strd   r3, r4, [sp]\n"  /* weights, end */
        "   str    r6, [sp, #24]\n" /* step_b */
        "   str    r8, [sp, #32]\n" /* left */
        "   add    r10, sp, #36\n"  /* inputs, outputs, channels, whole_b, channels that are left */
        "   stm    r10, {r0, r2, r5, r7, r9}\n"
        "0: add    r10, sp, #36\n"
        "   ldm    r10, {r0, r2, r5, r7}\n"
        "   ldm    r5!, {r8, r9, r11, r12}\n"
        "   ldr    r3, [sp]\n"
        "   add    r7, r7, r2\n"
        "   str    r5, [sp, #44]\n"
        "   str    r7, [sp, #28]\n" /* last */
        "   add    r10, sp, #8\n"   /* bias_x2, multiplier, rounding, right_shift */
        "   stm    r10, {r8, r9, r11, r12}\n"
        ".endm\n"
        ".macro leave name\n"
        "4: ldr    r7, [sp, #32]\n"
        "   cmp    r7, #2\n"
        "   it     ge\n"
        "   strbge r12, [r2, r8]\n"
        "   add    r2, r2, r8, lsl #1\n"
        "   cmp    r7, #3\n"
        "   it     ge\n"
        "   strbge lr, [r2]\n"
        "   cmp    r7, #4\n"
        "   it     ge\n"
        "   strbge r1, [r2, r8]\n"
        "   ldrd   r0, r2, [sp, #36]\n"
        "   ldrd   r3, r4, [sp]\n"
        "   ldr    r9, [sp, #52]\n"
        "   add    r0, r0, #4\n"
        "   add    r2, r2, #1\n"
        "   add    r3, r3, #4\n"
        "   add    r4, r4, #4\n"
        "   strd   r0, r2, [sp, #36]\n"
        "   strd   r3, r4, [sp]\n"
        "   subs   r9, r9, #1\n"
        "   str    r9, [sp, #52]\n"
        "   bne    0b\n"
        "   add    sp, sp, #60\n"
        "   pop    {r4-r11, pc}\n"
        ".size \\name, . - \\name\n"
        ".endm\n"
        ".macro line name, taps\n" /* 3 or 5: all weights are in registers */
        "   enter  \\name\n"
        "   ldr    r4, [r3, #16]\n"
        ".if \\taps > 3\n"
        "   ldr    r5, [r3, #32]\n"
        "   ldr    r6, [r3, #48]\n"
        ".endif\n"
        "   ldr    r3, [r3]\n"
        "1: ldr    r7, [r0]\n"
        "   ldr    r8, [r0, #16]\n"
        "   ldr    r9, [r0, #32]\n"
        "   ldr    r10, [r0, #48]\n"
        "   ldr    r1, [sp, #8]\n" /* bias_x2 */
        "   smlad  r11, r7, r3, r1\n"
        "   smlatb r12, r7, r3, r1\n"
        "   smlad  lr, r8, r3, r1\n"
        "   smlatb r1, r8, r3, r1\n"
        "   smlad  r12, r8, r4, r12\n"
        "   smlad  r1, r9, r4, r1\n"
        ".if \\taps > 3\n"
        "   smlad  r11, r8, r5, r11\n"
        "   smlad  lr, r9, r5, lr\n"
        "   smlabt r11, r9, r6, r11\n"
        "   smlad  r12, r9, r6, r12\n"
        "   smlabt lr, r10, r6, lr\n"
        "   smlad  r1, r10, r6, r1\n"
        ".else\n"
        "   smlabt r11, r8, r4, r11\n"
        "   smlabt lr, r9, r4, lr\n"
        ".endif\n"
        "   outputs\n"
        "   b      1b\n"
        "   leave  \\name\n"
        ".endm\n"
        ".macro pair a, b, c\n" /* two weights: inputs a and b, and c, which is the next */
        "   ldr    r3, [r5], #32\n"
        "   ldr    r4, [r5, #-16]\n"
        "   ldr    \\c, [r6], #16\n"
        "   smlad  r11, \\a, r3, r11\n"
        "   smlad  lr, \\b, r3, lr\n"
        "   smlad  r12, \\b, r4, r12\n"
        "   smlad  r1, \\c, r4, r1\n"
        ".endm\n"
        "   line   line_3, 3\n"
        "   line   line_5, 5\n"
        "   enter  line_any\n"
        "1: ldrd   r5, r10, [sp]\n" /* weights, end */
        "   ldr    r1, [sp, #8]\n"
        "   ldr    r3, [r5]\n"
        "   ldr    r7, [r0]\n"
        "   ldr    r8, [r0, #16]\n"
        "   add    r6, r0, #32\n"
        "   mov    r11, r1\n"
        "   mov    lr, r1\n"
        "   smlatb r12, r7, r3, r1\n"
        "   smlatb r1, r8, r3, r1\n"
        "2: pair   r7, r8, r9\n"
        "   pair   r8, r9, r7\n"
        "   pair   r9, r7, r8\n"
        "   cmp    r5, r10\n"
        "   bne    2b\n"
        "   smlabt r11, r7, r4, r11\n"
        "   smlabt lr, r8, r4, lr\n"
        "   outputs\n"
        "   b      1b\n"
        "   leave  line_any\n"
        ".purgem pair\n"
        ".purgem line\n"
        ".purgem leave\n"
        ".purgem enter\n"
        ".purgem outputs\n"
        ".purgem round\n"
        ".text\n");

/* Two values of four channels as pairs, `times` 1 or 2. */
static inline __attribute__((always_inline)) void put(packed *to, int32_t first, int32_t second,
                                                      int32_t times) {
    int32_t a = even_bytes(first), b = even_bytes(second);
    int32_t c = odd_bytes(first), d = odd_bytes(second);
    if (times == 2) {
        a = __sadd16(a, a), b = __sadd16(b, b), c = __sadd16(c, c), d = __sadd16(d, d);
    }
    to[0] = pack(a, b), to[1] = pack(c, d);
    to[2] = pack_high(a, b), to[3] = pack_high(c, d);
}

/* Bring pairs of values that lie `step_b` apart side by side, one after the other or overlapping:
 * from the beginning of a pair to that of the next are `next_b`. */
static inline __attribute__((always_inline)) void bring(const int8_t *from, int32_t step_b,
                                                        int32_t next_b, int32_t times, packed *to,
                                                        const packed *end) {
    for (; to != end; to += CHANNELS, from += next_b) {
        put(to, *(const packed_anywhere *)from, *(const packed_anywhere *)(from + step_b), times);
    }
}

/* Bring a line of four channels into pairs, behind a border that is there. */
static __attribute__((noinline)) void bring_line(const struct depthwise_line_dsp *op,
                                                 const int8_t *in, packed *line) {
    const int32_t border = (int32_t)(0x01010101u * (uint8_t)op->in_zero_point);
    const int32_t odd = op->before & 1;
    const int32_t pairs = (op->in_length - odd) / 2;
    line += op->before / 2 * CHANNELS;
    if (odd) {
        put(line, border, *(const packed_anywhere *)in, 1);
        line += CHANNELS, in += op->in_step_b;
    }
    bring(in, op->in_step_b, 2 * op->in_step_b, 1, line, line + pairs * CHANNELS);
    if (odd + 2 * pairs < op->in_length) {
        in += 2 * pairs * op->in_step_b;
        put(line + pairs * CHANNELS, *(const packed_anywhere *)in, border, 1);
    }
}

void depthwise_line_dsp(const struct depthwise_line_dsp *op, const int8_t *in, int8_t *out,
                        void *scratch) {
    packed *const weights = scratch, *const line = weights + op->pairs * CHANNELS;
    line_of *const convolve = op->pairs == 2 ? line_3 : op->pairs == 4 ? line_5 : line_any;
    const int32_t last = op->channel_count - CHANNELS; /* where the last four channels begin */
    const int32_t whole = (op->out_length - 1) / OUTPUTS * OUTPUTS;
    struct line of = {
        .weights = weights,
        .end = line,
        .step_b = op->out_step_b,
        .whole_b = whole * op->out_step_b,
        .left = op->out_length - whole,
    };
    const int8_t *from = op->weights;
    for (packed *pair = line; pair != line + op->in_pairs * CHANNELS; pair++) {
        *pair = pack(op->in_zero_point, op->in_zero_point);
    }
    for (int32_t c = 0; c < op->channel_count; c += CHANNELS) {
        const int32_t first = c < last ? c : last; /* the last four may overlap */
        bring(from, CHANNELS, CHANNELS, 2, weights, line);
        from += CHANNELS * (op->pairs + 1);
        of.channels = op->channels + first;
        for (int32_t i = 0; i < op->lines; i++) {
            bring_line(op, in + first + i * op->in_line_b, line);
            convolve(line, &of, out + first + i * op->out_line_b);
        }
    }
}
