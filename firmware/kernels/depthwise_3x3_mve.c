/* Depthwise 3x3 convolution with MVE instructions: a window is a vector, of four outputs' bytes. */
#include "kernels.h"
#include "mve.h"

#define CHANNELS 16
#define COLUMN_B (4 * CHANNELS) /* a column of four rows, row by row innermost */
#define LEAD_B 5                /* zeros before the weights */

/* A strip of four input rows, and where the outputs of up to sixteen channels go. */
struct strip {
    int32_t columns[4]; /* addresses of the first channel's first four columns; the loop for
                           pairs adds two columns before it reads */
    int32_t places[4];  /* of four outputs computed together, from the first one */
    int32_t min[4], max[4];
    const int32_t *channels; /* [channels][4] */
    const int8_t *weights;
    int8_t *out;
    const int32_t *end; /* of the channels */
    int32_t turns;      /* of the inner loop */
    int32_t step;       /* bytes from the outputs of one turn to those of the next */
    int32_t to_columns; /* what is added after a channel to get to the next one */
    int32_t to_out;
    int32_t left;        /* of `singles`: outputs after the last whole turn */
    int32_t column_step; /* likewise: bytes from one window to the next */
};

/* Compute two rows of an even or odd number of pixels, at least 2, two by two at a time: the
 * weights are read at four places, so that they lie over the four windows that a vector holds. An
 * odd last column goes with the one before it, a second time. The names say whether halves below
 * zero are rounded away from zero (`exact`, with limits) or the limits are those of int8.
 *
 * In assembly, for VMLADAV gives its sums to even registers only. */
void pairs_even(const struct strip *strip);
void pairs_odd(const struct strip *strip);
void pairs_even_exact(const struct strip *strip);
void pairs_odd_exact(const struct strip *strip);

/* Compute one row, any step, four pixels at a time. */
void singles(const struct strip *strip);

/* Four rows of pixels, and the bytes from one pixel to the next. */
struct rows {
    const int8_t *row[4];
    int32_t step[4];
};

/* Write columns of the strip; no more than `channels` of a pixel are read. The second one then
 * writes the third row over the first. */
void interleave(int8_t *to, const struct rows *rows, int32_t columns, int32_t channels);
void interleave_keeping(int8_t *to, const struct rows *rows, int32_t columns, int32_t channels);

__asm__(".macro quantise exact\n" /* of q2; r1 to r7 are the channel's, q0 is lost */
        "   vadd.i32 q2, q2, r1\n"
        "   vqrdmulh.s32 q2, q2, r3\n"
        ".if \\exact\n"
        "   vshr.s32 q0, q2, #31\n"
        "   vadd.i32 q2, q2, q0\n"
        ".endif\n"
        "   vadd.i32 q2, q2, r5\n"
        ".endm\n"
        ".macro two_by_two exact, forward\n"
        "   vldrw.u32 q0, [q1, #\\forward]!\n"
        "   vmladav.s8 r0, q0, q4\n"
        "   vmladav.s8 r2, q0, q5\n"
        "   vmladav.s8 r4, q0, q6\n"
        "   vmov   d4, r0, r2\n"
        "   vmladav.s8 r6, q0, q7\n"
        "   vmov   d5, r4, r6\n"
        "   quantise \\exact\n"
        ".if \\exact\n"
        "   vshl.s32 q2, r7\n"
        "   vldrw.32 q0, [r9, #32]\n"
        "   vmax.s32 q2, q2, q0\n"
        "   vldrw.32 q0, [r9, #48]\n"
        "   vmin.s32 q2, q2, q0\n"
        ".else\n"
        "   vqshl.s32 q2, r7\n" /* to the upper byte, which is as int8 is limited */
        "   vshr.s32 q2, q2, #24\n"
        ".endif\n"
        "   vstrb.32 q2, [r8, q3]\n"
        ".endm\n"
        ".macro begin name\n"
        ".section .text.\\name, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type \\name, %function\n"
        "\\name:\n"
        "   push   {r4-r11, lr}\n"
        "   vpush  {d8-d15}\n"
        "   mov    r9, r0\n"
        "   ldrd   r10, r11, [r9, #64]\n"
        "   ldr    r8, [r9, #72]\n"
        "   vldrw.32 q1, [r9]\n"
        "   vldrw.32 q3, [r9, #16]\n"
        ".endm\n"
        ".macro finish name\n" /* the next channel, or back */
        "   ldrd   r0, r2, [r9, #88]\n"
        "   vadd.i32 q1, q1, r0\n"
        "   add    r8, r8, r2\n"
        "   ldr    r0, [r9, #76]\n"
        "   cmp    r10, r0\n"
        "   bne    1b\n"
        "   vpop   {d8-d15}\n"
        "   pop    {r4-r11, pc}\n"
        ".size \\name, . - \\name\n"
        ".endm\n"
        ".macro pairs name, exact, odd\n"
        "   begin  \\name\n"
        "   ldr    r12, [r9, #84]\n"
        "1: vldrb.8 q4, [r11], #16\n"
        "   vldrb.8 q5, [r11, #-17]\n" /* over the rows of the second output row */
        "   vldrb.8 q6, [r11, #-20]\n" /* over the second output column */
        "   vldrb.8 q7, [r11, #-21]\n"
        "   ldm    r10!, {r1, r3, r5, r7}\n"
        "   ldr    r0, [r9, #80]\n"
        "   dls    lr, r0\n"
        ".if !\\exact\n"
        "   adds   r7, r7, #24\n"
        ".endif\n"
        "2: two_by_two \\exact, 128\n"
        "   add    r8, r8, r12\n"
        "   le     lr, 2b\n"
        ".if \\odd\n"
        "   sub    r8, r8, r12, lsr #1\n"
        "   two_by_two \\exact, 64\n"
        ".endif\n"
        "   finish \\name\n"
        ".endm\n"
        ".macro four last\n"
        "   .irp   sum, r0, r2, r4, r6\n"
        "   vldrw.u32 q0, [q1]\n"
        "   vadd.i32 q1, q1, r12\n"
        "   vmladav.s8 \\sum, q0, q4\n"
        "   .endr\n"
        "   vmov   d4, r0, r2\n"
        "   vmov   d5, r4, r6\n"
        "   quantise 1\n"
        "   vshl.s32 q2, r7\n"
        "   vmax.s32 q2, q2, q5\n"
        "   vmin.s32 q2, q2, q6\n"
        "   ldr    r0, [r9, #84]\n"
        ".if \\last\n"
        "   vpst\n"
        "   vstrbt.32 q2, [r8, q3]\n"
        ".else\n"
        "   vstrb.32 q2, [r8, q3]\n"
        ".endif\n"
        "   add    r8, r8, r0\n"
        ".endm\n"
        "   pairs  pairs_even, 0, 0\n"
        "   pairs  pairs_odd, 0, 1\n"
        "   pairs  pairs_even_exact, 1, 0\n"
        "   pairs  pairs_odd_exact, 1, 1\n"
        "   begin  singles\n"
        "   ldr    r12, [r9, #100]\n"
        "   vldrw.32 q5, [r9, #32]\n"
        "   vldrw.32 q6, [r9, #48]\n"
        "1: vldrb.8 q4, [r11], #16\n"
        "   ldm    r10!, {r1, r3, r5, r7}\n"
        "   ldr    r0, [r9, #80]\n"
        "   wls    lr, r0, 3f\n"
        "2: four   0\n"
        "   le     lr, 2b\n"
        "3: ldr    r0, [r9, #96]\n"
        "   cmp    r0, #0\n"
        "   beq    4f\n"
        "   vctp.32 r0\n"
        "   four   1\n"
        "4: finish singles\n"
        ".macro interleave name, keeps\n"
        ".section .text.\\name, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type \\name, %function\n"
        "\\name:\n"
        "   push   {r4-r11, lr}\n"
        "   ldm    r1, {r4-r11}\n"
        "   vctp.8 r3\n"
        "   dls    lr, r2\n"
        "1: vpstttt\n"
        "   vldrbt.u8 q0, [r4]\n"
        "   vldrbt.u8 q1, [r5]\n"
        "   vldrbt.u8 q2, [r6]\n"
        "   vldrbt.u8 q3, [r7]\n"
        "   vst40.8 {q0, q1, q2, q3}, [r0]\n"
        "   vst41.8 {q0, q1, q2, q3}, [r0]\n"
        "   vst42.8 {q0, q1, q2, q3}, [r0]\n"
        "   vst43.8 {q0, q1, q2, q3}, [r0]!\n"
        ".if \\keeps\n"
        "   vpst\n"
        "   vstrbt.8 q2, [r4]\n"
        ".endif\n"
        "   add    r4, r4, r8\n"
        "   add    r5, r5, r9\n"
        "   add    r6, r6, r10\n"
        "   add    r7, r7, r11\n"
        "   le     lr, 1b\n"
        "   pop    {r4-r11, pc}\n"
        ".size \\name, . - \\name\n"
        ".endm\n"
        "   interleave interleave, 0\n"
        "   interleave interleave_keeping, 1\n"
        ".purgem interleave\n"
        ".purgem quantise\n"
        ".purgem two_by_two\n"
        ".purgem begin\n"
        ".purgem finish\n"
        ".purgem pairs\n"
        ".purgem four\n"
        ".text\n");

/* Find `count` rows from `top` on; outside the image they are zero points. With `kept`, that is the
 * first row. */
static struct rows rows_from(const struct depthwise_3x3_mve *op, const int8_t *in, int32_t top,
                             int32_t count, const int8_t *zeros, const int8_t *kept) {
    struct rows rows;
    for (int32_t i = 0; i < 4; i++) {
        const int32_t y = top + (i < count ? i : count - 1);
        const bool inside = y >= 0 && y < op->in_h;
        rows.row[i] = inside ? in + y * op->in_w * op->in_c : zeros;
        rows.step[i] = inside ? op->in_c : 0;
    }
    if (kept != 0) {
        rows.row[0] = kept;
        rows.step[0] = op->in_c;
    }
    return rows;
}

static void set(int32_t vector[4], int32_t a, int32_t b, int32_t c, int32_t d) {
    vector[0] = a, vector[1] = b, vector[2] = c, vector[3] = d;
}

void depthwise_3x3_mve(const struct depthwise_3x3_mve *op, const int8_t *in, int8_t *out,
                       void *scratch) {
    int8_t *const columns = scratch;
    const int32_t first = (int32_t)scratch;
    const int32_t pixel_b = op->in_c;
    const int32_t row_b = op->out_w * pixel_b;
    const bool by_pairs = op->stride_h == 1 && op->stride_w == 1 && op->out_w > 1;
    const bool exact = op->exact_negatives || op->out_min != INT8_MIN || op->out_max != INT8_MAX;
    const bool odd = op->out_w % 2 == 1;
    void (*const pairs)(const struct strip *) =
        odd ? (exact ? pairs_odd_exact : pairs_odd) : (exact ? pairs_even_exact : pairs_even);
    struct strip strip = {.column_step = op->stride_w * COLUMN_B};
    set(strip.min, op->out_min, op->out_min, op->out_min, op->out_min);
    set(strip.max, op->out_max, op->out_max, op->out_max, op->out_max);
    fill(columns, (int8_t)op->in_zero_point, op->columns * COLUMN_B);
    int8_t zeros[CHANNELS];
    vstrbq_s8(zeros, vdupq_n_s8((int8_t)op->in_zero_point));
    int8_t *const inside = columns + op->pad_left * COLUMN_B;
    int8_t *const kept = op->in_place ? columns + op->columns * COLUMN_B : 0;
    if (kept != 0) { /* the row above the image */
        fill(kept, (int8_t)op->in_zero_point, row_b);
    }
    for (int32_t y = 0; y < op->out_h;) {
        const bool two = by_pairs && y + 1 < op->out_h;
        int32_t before = first;
        if (two) {
            before -= 2 * COLUMN_B;
            strip.turns = op->out_w / 2;
            strip.step = 2 * pixel_b;
            strip.to_columns = 4 - op->out_w * COLUMN_B;
            strip.to_out = 1 - row_b + (odd ? 2 * pixel_b : 0); /* it is left where it was */
            set(strip.places, 0, row_b, pixel_b, row_b + pixel_b);
        } else {
            strip.turns = op->out_w / 4;
            strip.left = op->out_w % 4;
            strip.step = 4 * pixel_b;
            const int32_t all = strip.turns + (strip.left > 0);
            strip.to_columns = 4 - 4 * all * strip.column_step;
            strip.to_out = 1 - all * strip.step;
            set(strip.places, 0, pixel_b, 2 * pixel_b, 3 * pixel_b);
        }
        /* The first row of the next ones takes the place of the one that is kept. */
        struct rows rows =
            rows_from(op, in, y * op->stride_h - op->pad_top, two ? 4 : 3, zeros, kept);
        strip.weights = op->weights + LEAD_B;
        strip.end = op->channels;
        strip.out = out;
        set(strip.columns, before, before + COLUMN_B, before + 2 * COLUMN_B, before + 3 * COLUMN_B);
        for (int32_t c = op->in_c; c > 0; c -= CHANNELS) {
            (kept != 0 ? interleave_keeping : interleave)(inside, &rows, op->in_w, c);
            strip.channels = strip.end;
            strip.end += 4 * (c < CHANNELS ? c : CHANNELS);
            (two ? pairs : singles)(&strip);
            strip.weights += CHANNELS * CHANNELS;
            strip.out += CHANNELS;
            for (int32_t i = 0; i < 4; i++) {
                rows.row[i] += rows.step[i] == 0 ? 0 : CHANNELS;
            }
        }
        out += two ? 2 * row_b : row_b;
        y += two ? 2 : 1;
    }
}
