/* Convolution 3x3 of stride 1 by Winograd's F(2x2, 3x3) with DSP instructions: exact.
 *
 * Four outputs of a channel take 16 products an input channel instead of 36: of the 4x4 inputs
 * that they see, transformed by sums and differences alone, and of the window, which the model
 * compiler has transformed and multiplied by four, so that it stays whole. What comes out is four
 * times the sum that it should be, to the bit: all of it fits 16 bits, then 32.
 *
 * Ref: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (2015), 4.1.
 */
#include "dsp.h"

#include <stdbool.h>

#define TILES 2 /* side by side, 2x2 outputs each */
#define SIDE 4  /* of what a tile sees */
#define CHANNELS 4
#define POSITIONS 16 /* of a transformed tile */
#define SUMS (CHANNELS * TILES)

/* sums[position][channel][tile] = `pairs` (at least 2) of values times the weights of four
 * channels, for all positions.
 *
 * In assembly, for the loop needs all the registers there are: eight sums (r2-r9), and four for
 * pairs of weights and of values (r10-r12, lr), loaded side by side. */
void products(const packed *values, const packed *weights, int32_t pairs,
              int32_t sums[POSITIONS][SUMS]);

__asm__(".macro add_pair\n"
        "   ldr    r10, [r0], #8\n"
        "   ldr    r11, [r0, #-4]\n"
        "   ldr    r12, [r1], #16\n"
        "   ldr    lr, [r1, #-12]\n"
        "   smlad  r2, r10, r12, r2\n"
        "   smlad  r3, r11, r12, r3\n"
        "   smlad  r4, r10, lr, r4\n"
        "   smlad  r5, r11, lr, r5\n"
        "   ldr    r12, [r1, #-8]\n"
        "   ldr    lr, [r1, #-4]\n"
        "   smlad  r6, r10, r12, r6\n"
        "   smlad  r7, r11, r12, r7\n"
        "   smlad  r8, r10, lr, r8\n"
        "   smlad  r9, r11, lr, r9\n"
        ".endm\n"
        ".section .text.products, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type products, %function\n"
        "products:\n"
        "   push   {r4-r11, lr}\n"
        "   sub    sp, sp, #20\n"
        "   lsl    r4, r2, #3\n"   /* bytes of a position's values */
        "   add    r5, r3, #512\n" /* end of the sums */
        "   rsb    r6, r2, #1\n"
        "   and    r6, r6, #7\n" /* pairs that the first turn of the loop lacks */
        "   mov    r7, #56\n"    /* bytes of a pair's instructions */
        "   adr    r8, 2f\n"
        "   mla    r8, r6, r7, r8\n"
        "   orr    r8, r8, #1\n"
        "   strd   r4, r8, [sp]\n"
        "   strd   r3, r5, [sp, #8]\n"
        "1: ldr    r10, [sp]\n"
        "   ldr    lr, [sp, #4]\n"
        "   add    r10, r0, r10\n"
        "   str    r10, [sp, #16]\n" /* where the position's values end */
        "   ldr    r10, [r0], #8\n"  /* the first pair */
        "   ldr    r11, [r0, #-4]\n"
        "   ldr    r7, [r1], #16\n"
        "   ldr    r9, [r1, #-12]\n"
        "   ldr    r12, [r1, #-8]\n"
        "   smuad  r2, r10, r7\n"
        "   smuad  r3, r11, r7\n"
        "   smuad  r4, r10, r9\n"
        "   smuad  r5, r11, r9\n"
        "   ldr    r9, [r1, #-4]\n"
        "   smuad  r6, r10, r12\n"
        "   smuad  r7, r11, r12\n"
        "   smuad  r8, r10, r9\n"
        "   smuad  r9, r11, r9\n"
        "   bx     lr\n"
        ".balign 4\n"
        "2: add_pair\n"
        "   add_pair\n"
        "   add_pair\n"
        "   add_pair\n"
        "   add_pair\n"
        "   add_pair\n"
        "   add_pair\n"
        "   add_pair\n"
        "   ldr    r10, [sp, #16]\n"
        "   ldr    r12, [sp, #8]\n"
        "   ldr    lr, [sp, #12]\n"
        "   cmp    r0, r10\n"
        "   bne    2b\n"
        "   stmia  r12!, {r2-r9}\n"
        "   str    r12, [sp, #8]\n"
        "   cmp    r12, lr\n"
        "   bne    1b\n"
        "   add    sp, sp, #20\n"
        "   pop    {r4-r11, pc}\n"
        ".size products, . - products\n"
        ".purgem add_pair\n"
        ".text\n");

/* Where the outputs of two whole tiles go, and what of. */
struct target {
    const struct channel_dsp *channels;
    int8_t *out;
    int32_t pixel_b, row_b; /* from a pixel or a row to the next */
};

/* Bring the sums of `count` channels of two tiles back, A' m A, A' being 1 1 1 0, 0 1 -1 -1, and
 * store all eight outputs of each: by `output_clamped`, or by `output_exact` without other limits
 * than those of int8.
 *
 * In assembly, for the loop needs all the registers there are: sums (r4-r7), outputs (r8-r11), and
 * where they come from and go to. */
void bring_back(const int32_t *sums, const struct target *target, int32_t count);
void bring_back_exact(const int32_t *sums, const struct target *target, int32_t count);

__asm__(".macro column x\n" /* to r4 and r5: m0 + m1 + m2 and m1 - m2 - m3 */
        "   ldr    r4, [r0, #(32 * \\x)]\n"
        "   ldr    r5, [r0, #(128 + 32 * \\x)]\n"
        "   ldr    r6, [r0, #(256 + 32 * \\x)]\n"
        "   ldr    r7, [r0, #(384 + 32 * \\x)]\n"
        "   add    r4, r4, r5\n"
        "   sub    r5, r5, r6\n"
        "   add    r4, r4, r6\n"
        "   sub    r5, r5, r7\n"
        ".endm\n"
        ".macro round x, exact\n"
        "   add    \\x, r4, \\x, asr #1\n"
        ".if \\exact\n"
        "   smmulr \\x, \\x, r5\n"
        "   add    \\x, \\x, \\x, asr #31\n"
        "   add    \\x, \\x, r6\n"
        ".else\n"
        "   smmlar \\x, \\x, r5, r6\n"
        ".endif\n"
        "   asr    \\x, \\x, r7\n"
        "   ssat   \\x, #8, \\x\n"
        ".endm\n"
        ".macro bring name, exact\n"
        ".section .text.\\name, \"ax\", %progbits\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type \\name, %function\n"
        "\\name:\n"
        "   push   {r4-r11, lr}\n"
        "   add    r4, r0, r2, lsl #3\n" /* end of the sums of the first position */
        "   push   {r3, r4}\n"
        "   ldm    r1, {r1, r2, r3, lr}\n"
        "1: column 0\n"
        "   mov    r8, r4\n"
        "   mov    r10, r5\n"
        "   column 1\n"
        "   add    r8, r8, r4\n"
        "   add    r10, r10, r5\n"
        "   mov    r9, r4\n"
        "   mov    r11, r5\n"
        "   column 2\n"
        "   add    r8, r8, r4\n"
        "   add    r10, r10, r5\n"
        "   sub    r9, r9, r4\n"
        "   sub    r11, r11, r5\n"
        "   column 3\n"
        "   sub    r9, r9, r4\n"
        "   sub    r11, r11, r5\n"
        "   ldm    r1, {r4-r7}\n"
        "   round  r8, \\exact\n"
        "   round  r9, \\exact\n"
        "   round  r10, \\exact\n"
        "   round  r11, \\exact\n"
        "   add    r12, r2, lr\n"
        "   strb   r8, [r2]\n"
        "   strb   r9, [r2, r3]\n"
        "   strb   r10, [r12]\n"
        "   strb   r11, [r12, r3]\n"
        "   adds   r0, r0, #4\n"
        "   tst    r0, #4\n" /* the second tile's sums */
        "   ite    ne\n"
        "   addne  r2, r2, r3, lsl #1\n"
        "   subeq  r2, r2, r3, lsl #1\n"
        "   bne    1b\n"
        "   ldr    r12, [sp, #4]\n"
        "   adds   r2, r2, #1\n"
        "   adds   r1, r1, #16\n"
        "   cmp    r0, r12\n"
        "   bne    1b\n"
        "   add    sp, sp, #8\n"
        "   pop    {r4-r11, pc}\n"
        ".size \\name, . - \\name\n"
        ".endm\n"
        "   bring  bring_back, 0\n"
        "   bring  bring_back_exact, 1\n"
        ".purgem bring\n"
        ".purgem round\n"
        ".purgem column\n"
        ".text\n");

/* What a row of tiles overwrites though the next tiles see it: a column of two pixels. */
struct edge {
    int8_t pixel[2][CONV_3X3_IN_PLACE_MAX];
};

/* Find the pixels that a tile with its top left corner at (y0, x0) sees. */
static void look(const struct conv_3x3_dsp *op, const int8_t *in, int32_t y0, int32_t x0,
                 const int8_t *seen[SIDE * SIDE]) {
    for (int32_t y = y0; y < y0 + SIDE; y++) {
        const int8_t *pixel = in + (y * op->in_w + x0) * op->in_c;
        for (int32_t x = x0; x < x0 + SIDE; x++, pixel += op->in_c) {
            const bool inside = y >= 0 && y < op->in_h && x >= 0 && x < op->in_w;
            *seen++ = inside ? pixel : op->outside;
        }
    }
}

/* Transform what a tile sees, four channels at a time: B' d B, B' being 1 0 -1 0, 0 1 1 0,
 * 0 -1 1 0, 0 1 0 -1. Of a last group that is not whole, the rest is multiplied by zeros. */
static void transform(const int8_t *const seen[SIDE * SIDE], int32_t pairs, packed *values) {
    const int32_t position = pairs * TILES;
    for (int32_t c = 0; c < 2 * pairs; c += 4) {
        int32_t even[SIDE][SIDE], odd[SIDE][SIDE];
#pragma GCC unroll 4
        for (int32_t x = 0; x < SIDE; x++) {
            const int32_t a = *(const packed_anywhere *)(seen[x] + c);
            const int32_t b = *(const packed_anywhere *)(seen[SIDE + x] + c);
            const int32_t d = *(const packed_anywhere *)(seen[2 * SIDE + x] + c);
            const int32_t e = *(const packed_anywhere *)(seen[3 * SIDE + x] + c);
            even[0][x] = __ssub16(even_bytes(a), even_bytes(d));
            even[1][x] = __sadd16(even_bytes(b), even_bytes(d));
            even[2][x] = __ssub16(even_bytes(d), even_bytes(b));
            even[3][x] = __ssub16(even_bytes(b), even_bytes(e));
            odd[0][x] = __ssub16(odd_bytes(a), odd_bytes(d));
            odd[1][x] = __sadd16(odd_bytes(b), odd_bytes(d));
            odd[2][x] = __ssub16(odd_bytes(d), odd_bytes(b));
            odd[3][x] = __ssub16(odd_bytes(b), odd_bytes(e));
        }
        packed *to = values;
#pragma GCC unroll 1
        for (int32_t y = 0; y < SIDE; y++) {
            const int32_t *half = even[y];
#pragma GCC unroll 2
            for (int32_t i = 0; i < 2; i++, half = odd[y]) {
                packed *pair = to + i * TILES;
                pair[0] = __ssub16(half[0], half[2]);
                pair[position] = __sadd16(half[1], half[2]);
                pair[2 * position] = __ssub16(half[2], half[1]);
                pair[3 * position] = __ssub16(half[1], half[3]);
            }
            to += SIDE * position;
        }
        values += 2 * TILES;
    }
}

/* Bring the sums of a tile back and store `rows` by `columns` outputs of them. */
static void store(const struct conv_3x3_dsp *op, const int32_t *sum,
                  const struct channel_dsp *channel, int32_t rows, int32_t columns, int8_t *out) {
    int32_t side[2][SIDE];
#pragma GCC unroll 1
    for (int32_t x = 0; x < SIDE; x++, sum += SUMS) {
        const int32_t middle = sum[SIDE * SUMS], next = sum[2 * SIDE * SUMS];
        side[0][x] = sum[0] + middle + next;
        side[1][x] = middle - next - sum[3 * SIDE * SUMS];
    }
    for (int32_t y = 0; y < 2 && y < rows; y++, out += op->out_w * op->out_c) {
        const int32_t *m = side[y];
        out[0] = output_exact((m[0] + m[1] + m[2]) >> 2, channel, op->out_min, op->out_max);
        if (columns > 1) {
            out[op->out_c] =
                output_exact((m[1] - m[2] - m[3]) >> 2, channel, op->out_min, op->out_max);
        }
    }
}

/* Compute all channels of two tiles, `rows` by `columns` outputs. */
static __attribute__((noinline)) void outputs(const struct conv_3x3_dsp *op, const packed *values,
                                              int32_t rows, int32_t columns, int8_t *out) {
    const bool limited = op->out_min > INT8_MIN || op->out_max < INT8_MAX;
    const bool whole = rows == 2 && columns == 2 * TILES && !limited;
    const packed *weights = (const packed *)op->weights;
    struct target target = {op->channels, out, op->out_c, op->out_w * op->out_c};
    for (int32_t first = 0; first < op->out_c; first += CHANNELS) {
        int32_t sums[POSITIONS][SUMS] __attribute__((aligned(8)));
        const int32_t left = op->out_c - first, count = left < CHANNELS ? left : CHANNELS;
        products(values, weights, op->pairs, sums);
        weights += POSITIONS * CHANNELS * op->pairs;
        if (whole) {
            (op->exact_negatives ? bring_back_exact : bring_back)(sums[0], &target, count);
        } else {
            for (int32_t i = 0; i < TILES * count; i++) {
                const int32_t tile = i % TILES, c = i / TILES;
                if (2 * tile < columns) {
                    store(op, &sums[0][i], target.channels + c, rows, columns - 2 * tile,
                          target.out + c + 2 * tile * op->out_c);
                }
            }
        }
        target.channels += CHANNELS;
        target.out += CHANNELS;
    }
}

void conv_3x3_dsp(const struct conv_3x3_dsp *op, const int8_t *in, int8_t *out, void *scratch) {
    const bool kept = op->in_c <= CONV_3X3_IN_PLACE_MAX;
    packed *values = scratch;
    struct edge edge;
    for (int32_t y = 0; y < op->out_h; y += 2) {
        const int32_t y0 = y - op->pad_top;
        for (int32_t x = 0; x < op->out_w; x += 2 * TILES) {
            const int32_t x0 = x - op->pad_left;
            const int8_t *seen[SIDE * SIDE];
            for (int32_t tile = 0; tile < TILES; tile++) {
                look(op, in, y0, x0 + 2 * tile, seen);
                if (kept && x > 0 && tile == 0) {
                    seen[0] = seen[0] == op->outside ? op->outside : edge.pixel[0];
                    seen[SIDE] = seen[SIDE] == op->outside ? op->outside : edge.pixel[1];
                }
                transform(seen, op->pairs, values + tile);
            }
            const int32_t beyond = x0 + 2 * TILES;
            for (int32_t i = 0; i < 2 && kept && beyond < op->in_w; i++) {
                if (y0 + i >= 0 && y0 + i < op->in_h) {
                    copy_bytes(edge.pixel[i], in + ((y0 + i) * op->in_w + beyond) * op->in_c,
                               op->in_c);
                }
            }
            const int32_t rows = op->out_h - y < 2 ? 1 : 2;
            const int32_t left = op->out_w - x;
            outputs(op, values, rows, left < 2 * TILES ? left : 2 * TILES,
                    out + (y * op->out_w + x) * op->out_c);
        }
    }
}
