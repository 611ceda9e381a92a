/* Fully connected layers of which blocks of columns and rows are left. */
#include "compressed.h"

#define EIGHT 8

#if defined(TB_DOT_8) && defined(__ARM_FEATURE_DSP)
/* Of kernels/fully_connected_dsp.c, which has a header of its own; an engine sees none of these. */
void dot_8(const int8_t *inputs, const int8_t *weights, int32_t groups, int32_t sum[EIGHT]);

/* Add the sums of eight rows: of each two, the first has 256 times its own and the second's. */
static void add_eight(const int8_t *in, const int8_t *weights, uint32_t count, int32_t *sums) {
    int32_t found[EIGHT];
    dot_8(in, weights, (int32_t)(count / 4), found);
    for (uint32_t i = 0; i < EIGHT; i += 2) {
        sums[i] += (int32_t)((uint32_t)found[i] - (uint32_t)found[i + 1]) >> 8;
        sums[i + 1] += found[i + 1];
    }
}
#else
/* The same words read byte by byte: a half is 256 times the first weight and the second's. */
static void add_eight(const int8_t *in, const int8_t *weights, uint32_t count, int32_t *sums) {
    static const uint8_t tap[4] = {0, 2, 1, 3};
    for (uint32_t group = 0; group < count; group += 4, in += 4) {
        for (uint32_t pair = 0; pair < EIGHT; pair += 2) {
            for (uint32_t i = 0; i < 4; i++, weights += 2) {
                const int32_t second = weights[0], first = weights[1] + (second < 0);
                sums[pair] += first * in[tap[i]];
                sums[pair + 1] += second * in[tap[i]];
            }
        }
    }
}
#endif

static void add_eight_plain(const int8_t *in, const int8_t *weights, uint32_t count,
                            int32_t *sums) {
    for (uint32_t row = 0; row < EIGHT; row++) {
        int32_t sum = sums[row];
        for (uint32_t i = 0; i < count; i++) {
            sum += *weights++ * in[i];
        }
        sums[row] = sum;
    }
}

#if defined(__ARM_FEATURE_MVE)
/* Sixteen inputs times four rows at a time; past the end both factors are read as zeros. */
static void add_four(const int8_t *in, const int8_t *weights, uint32_t count, int32_t *sums) {
    const int8_t *second = weights + count, *third = second + count, *fourth = third + count;
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    __asm__("   wlstp.8 lr, %[count], 2f\n"
            "1: vldrb.8 q0, [%[in]], #16\n"
            "   vldrb.8 q1, [%[first]], #16\n"
            "   vmladava.s8 %[a], q0, q1\n"
            "   vldrb.8 q2, [%[second]], #16\n"
            "   vmladava.s8 %[b], q0, q2\n"
            "   vldrb.8 q1, [%[third]], #16\n"
            "   vmladava.s8 %[c], q0, q1\n"
            "   vldrb.8 q2, [%[fourth]], #16\n"
            "   vmladava.s8 %[d], q0, q2\n"
            "   letp    lr, 1b\n"
            "2:\n"
            : [in] "+r"(in), [first] "+r"(weights), [second] "+r"(second), [third] "+r"(third),
              [fourth] "+r"(fourth), [a] "+Te"(a), [b] "+Te"(b), [c] "+Te"(c), [d] "+Te"(d)
            : [count] "r"(count)
            : "lr", "q0", "q1", "q2", "cc", "memory");
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

static void add_eight_mve(const int8_t *in, const int8_t *weights, uint32_t count, int32_t *sums) {
    add_four(in, weights, count, sums);
    add_four(in, weights + 4 * count, count, sums + 4);
}
#else
#define add_eight_mve add_eight_plain
#endif

/* Copy the inputs of a block, in fours, and return where the list of columns goes on. */
#define GATHER(name, column)                                                                       \
    static const column *name(const int8_t *in, const column *columns, uint32_t count,             \
                              int8_t *to) {                                                        \
        for (const column *const end = columns + count; columns != end; columns += 4, to += 4) {   \
            to[0] = in[columns[0]];                                                                \
            to[1] = in[columns[1]];                                                                \
            to[2] = in[columns[2]];                                                                \
            to[3] = in[columns[3]];                                                                \
        }                                                                                          \
        return columns;                                                                            \
    }
GATHER(gather, uint8_t)
GATHER(gather_wide, uint16_t)

#if defined(__ARM_FEATURE_MVE)
/* The same of a whole vector at once: `load` of columns of so many bits, `step` of them. */
#define GATHER_MVE(name, column, bits, load, step)                                                 \
    static const column *name(const int8_t *in, const column *columns, uint32_t count,             \
                              int8_t *to) {                                                        \
        const column *from = columns;                                                              \
        __asm__ volatile("   wlstp." bits " lr, %[count], 2f\n"                                    \
                         "1: " load " q0, [%[columns]], #16\n"                                     \
                         "   vldrb.u" bits " q1, [%[in], q0]\n"                                    \
                         "   vstrb." bits " q1, [%[to]], #" step "\n"                              \
                         "   letp    lr, 1b\n"                                                     \
                         "2:\n"                                                                    \
                         : [to] "+r"(to), [columns] "+r"(from)                                     \
                         : [in] "r"(in), [count] "r"(count)                                        \
                         : "lr", "q0", "q1", "cc", "memory");                                      \
        return columns + count;                                                                    \
    }
GATHER_MVE(gather_mve, uint8_t, "8", "vldrb.8", "16")
GATHER_MVE(gather_wide_mve, uint16_t, "16", "vldrh.u16", "8")
#else
#define gather_mve gather
#define gather_wide_mve gather_wide
#endif

static inline __attribute__((always_inline)) void
over_blocks(const struct blocks *op, const int8_t *in, uint32_t out_c, int8_t *buffer,
            int32_t *sums, void (*add)(const int8_t *, const int8_t *, uint32_t, int32_t *),
            const uint8_t *(*narrowly)(const int8_t *, const uint8_t *, uint32_t, int8_t *),
            const uint16_t *(*widely)(const int8_t *, const uint16_t *, uint32_t, int8_t *)) {
    const struct blocks it = *op;
    const int8_t *weights = it.weights;
    const uint8_t *columns = it.columns;
    const uint16_t *wide = it.wide;
    uint32_t block = 0;
    for (uint32_t row = 0; row < out_c; row += it.rows, sums += it.rows) {
        for (uint32_t across = 0; across < it.across; across++, block++) {
            const uint32_t count = it.counts[block];
            const int8_t *from = in + across * it.width;
            if (columns != 0) {
                columns = narrowly(from, columns, count, buffer);
                from = buffer;
            } else if (wide != 0) {
                wide = widely(from, wide, count, buffer);
                from = buffer;
            }
            int32_t *eight = sums;
            for (uint32_t left = it.eights[block]; left != 0; left >>= 1, eight += EIGHT) {
                if (left & 1) {
                    add(from, weights, count, eight);
                    weights += EIGHT * count;
                }
            }
        }
    }
}

void dot_blocks(const struct blocks *op, const int8_t *in, uint32_t out_c, int8_t *buffer,
                int32_t *sums) {
    over_blocks(op, in, out_c, buffer, sums, add_eight_plain, gather, gather_wide);
}

void dot_blocks_dsp(const struct blocks *op, const int8_t *in, uint32_t out_c, int8_t *buffer,
                    int32_t *sums) {
    over_blocks(op, in, out_c, buffer, sums, add_eight, gather, gather_wide);
}

void dot_blocks_mve(const struct blocks *op, const int8_t *in, uint32_t out_c, int8_t *buffer,
                    int32_t *sums) {
    over_blocks(op, in, out_c, buffer, sums, add_eight_mve, gather_mve, gather_wide_mve);
}

void put_rows(const uint16_t *rows, const int32_t *sums, uint32_t count, int32_t *out) {
    const uint16_t *const end = rows + count, *const fours = end - count % 4;
    for (; rows != fours; rows += 4, sums += 4) {
        out[rows[0]] = sums[0];
        out[rows[1]] = sums[1];
        out[rows[2]] = sums[2];
        out[rows[3]] = sums[3];
    }
    for (; rows != end; rows++, sums++) {
        out[*rows] = *sums;
    }
}

uint32_t told_apart(const int32_t *sums, uint32_t count) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        found = found * 31 + (uint32_t)sums[i];
    }
    return found & 0xffffffu;
}
