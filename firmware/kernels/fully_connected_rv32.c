/* Fully connected layer on RV32IM: four channels by three products.
 *
 * A word holds weights of four channels, a byte each, of the first three 128 more than they are, so
 * that none borrows from the next. Three products with a value do for the four: of the word, of its
 * upper half, and of its odd bytes, as in conv_2d_rv32.c.
 */
#include "blocked.h"
#include "words.h"

#define CHANNELS 4
#define WORDS 4 /* that are multiplied together */
#define ODD_BYTES 0xFF00FF00u

/* Sums modulo 2^32. */
struct sums {
    uint32_t word, upper, odd;
};

#if defined(__riscv_mul) && __riscv_xlen == 32 && !defined(__riscv_32e)
const word *dot_4(const int8_t *values, int32_t count, const word *weights, struct sums *to);
const word *dot_16(const int8_t *values, int32_t count, const word *weights, struct sums *to);

/* In assembly, for GCC has not registers enough. a0 is at the values, a1 their end, a2 at the
 * weights; t0 is a value, t4 ODD_BYTES. */
__asm__(".macro four word, upper, odd, at\n"
        "   lw     t2, \\at(a2)\n"
        "   mul    t3, t0, t2\n"
        "   add    \\word, \\word, t3\n"
        "   and    t3, t2, t4\n"
        "   srai   t3, t3, 8\n" /* rather than with mulh, which may take long */
        "   mul    t3, t0, t3\n"
        "   add    \\odd, \\odd, t3\n"
        "   srai   t2, t2, 16\n"
        "   mul    t2, t2, t0\n"
        "   add    \\upper, \\upper, t2\n"
        ".endm\n"
        ".macro value words\n"
        "   lb     t0, 0(a0)\n"
        "   four   s0, s1, s2, 0\n"
        ".if \\words > 1\n"
        "   four   s3, s4, s5, 4\n"
        "   four   s6, s7, s8, 8\n"
        "   four   s9, s10, s11, 12\n"
        ".endif\n"
        "   addi   a0, a0, 1\n"
        "   addi   a2, a2, 4 * \\words\n"
        "   bne    a0, a1, 1b\n"
        ".endm\n"
        ".macro dot name, words\n"
        ".section .text.\\name, \"ax\", %progbits\n"
        ".balign 4\n"
        ".type \\name, %function\n"
        "\\name:\n"
        "   addi   sp, sp, -48\n"
        ".irp at, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
        ".if \\at < 3 * \\words\n"
        "   sw     s\\at, 4 * \\at(sp)\n"
        "   li     s\\at, 0\n"
        ".endif\n"
        ".endr\n"
        "   add    a1, a1, a0\n"
        "   li     t4, 0xFF00FF00\n"
        "1:\n"
        "   value  \\words\n"
        ".irp at, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
        ".if \\at < 3 * \\words\n"
        "   sw     s\\at, 4 * \\at(a3)\n"
        "   lw     s\\at, 4 * \\at(sp)\n"
        ".endif\n"
        ".endr\n"
        "   addi   sp, sp, 48\n"
        "   mv     a0, a2\n"
        "   ret\n"
        ".size \\name, . - \\name\n"
        ".endm\n"
        "   dot    dot_4, 1\n"
        "   dot    dot_16, 4\n"
        ".purgem four\n"
        ".purgem value\n"
        ".purgem dot\n"
        ".text\n");
#else
/* Add the products of `count` values with the weights of some words; return where the next are. */
static const word *dot(const int8_t *values, int32_t count, const word *weights, int32_t words,
                       struct sums *to) {
    for (int32_t i = 0; i < words; i++) {
        to[i] = (struct sums){0, 0, 0};
    }
    for (const int8_t *end = values + count; values != end; values++) {
        for (int32_t i = 0; i < words; i++) {
            const uint32_t w = *weights++;
            to[i].word += (uint32_t)*values * w;
            to[i].upper += (uint32_t)(*values * ((int32_t)w >> 16));
            to[i].odd += (uint32_t)*values * (uint32_t)((int32_t)(w & ODD_BYTES) >> 8);
        }
    }
    return weights;
}

static const word *dot_4(const int8_t *values, int32_t count, const word *weights,
                         struct sums *to) {
    return dot(values, count, weights, 1, to);
}

static const word *dot_16(const int8_t *values, int32_t count, const word *weights,
                          struct sums *to) {
    return dot(values, count, weights, WORDS, to);
}
#endif

/* Store the outputs of four channels, or of the `left` last ones; `offset` is what 128 has added to
 * each sum but the last. */
static int8_t *store(const struct fully_connected_blocked *op, const struct sums *sums,
                     uint32_t offset, const struct channel_dsp *channel, int32_t left,
                     int8_t *out) {
    const uint32_t two = sums->word - (sums->upper << 16) - offset * 257;
    const uint32_t upper = sums->upper - offset, odd = sums->odd - offset;
    int32_t sum[CHANNELS];
    sum[0] = (int32_t)((two - (odd << 8)) << 8) >> 8;
    sum[1] = (int32_t)(two - (uint32_t)sum[0]) >> 8;
    const int32_t last = (int32_t)(odd - (uint32_t)sum[1]) >> 8; /* 2^8 times as large */
    sum[2] = (int32_t)((upper - (uint32_t)last) << 8) >> 8;
    sum[3] = (int32_t)(upper - (uint32_t)sum[2]) >> 8;
    for (int32_t i = 0; i < CHANNELS && i < left; i++) {
        *out++ = output_blocked(sum[i], channel + i, op->out_min, op->out_max);
    }
    return out;
}

void fully_connected_rv32(const struct fully_connected_blocked *op, const int8_t *in, int8_t *out) {
    const word *weights = (const word *)op->weights;
    const struct channel_dsp *channel = op->channels;
    uint32_t offset = 0;
    for (int32_t i = 0; i < op->in_c; i++) {
        offset += (uint32_t)in[i] * 128;
    }
    struct sums sums[WORDS];
    int32_t left = op->out_c;
    for (; left >= WORDS * CHANNELS; left -= WORDS * CHANNELS) {
        weights = dot_16(in, op->in_c, weights, sums);
        for (int32_t i = 0; i < WORDS; i++, channel += CHANNELS) {
            out = store(op, &sums[i], offset, channel, CHANNELS, out);
        }
    }
    for (; left > 0; left -= CHANNELS, channel += CHANNELS) {
        weights = dot_4(in, op->in_c, weights, sums);
        out = store(op, sums, offset, channel, left, out);
    }
}
