/* Fully connected layers, and embedding tables, whose weights take less flash than one byte each.
 * Plain C.
 *
 * Each `dot_...` adds inputs times weights to `out_c` sums, which hold the biases before. Each
 * `..._row` copies a row of a table, of `count` weights. Weights are int8 in -127..127, of rows of
 * `in_c`.
 */
#ifndef TINYBENCH_COMPRESSED_H
#define TINYBENCH_COMPRESSED_H

#include <stdint.h>

/* Which row of tables that lie one after the other the `k`th category of an input is: ids of 16
 * bits, the low byte first, each below the rows of its table, of which row 0 is any other value.
 * `firsts`: where each table begins, and where the last ends. */
uint32_t row_of_table(const uint8_t *in, const uint32_t *firsts, uint32_t k);

/* One weight a byte. */
void dot_dense(const int8_t *weights, const int8_t *in, uint32_t in_c, uint32_t out_c,
               int32_t *sums);
void dense_row(const int8_t *weights, uint32_t row, uint32_t count, int8_t *out);

#define ROBE_PRIME 2038074743u

/* One array that all rows of all layers and tables share: `block` neighbouring weights of a row
 * are neighbours in it, from a place that a hash of row and block tells. a, b, c < ROBE_PRIME.
 * Ref: Desai, Chou, Shrivastava, Random Offset Block Embedding (ROBE), arXiv 2108.02191. */
struct robe {
    const int8_t *array;
    uint32_t size;  /* of the array; not below `block` */
    uint32_t block; /* at least 1 */
    uint32_t a, b, c;
};

/* Where weight `i` of a row is in the array, by the formula as it is written. */
uint32_t robe_index(const struct robe *op, uint32_t row, uint32_t i);
/* Copy the first `count` values of a row. */
void robe_row(const struct robe *op, uint32_t row, uint32_t count, int8_t *out);
/* Rows from `first` on. */
void dot_robe(const struct robe *op, uint32_t first, const int8_t *in, uint32_t in_c,
              uint32_t out_c, int32_t *sums);

/* Codes of 1, 2 or 4 bits, the low bits first; each row begins at a byte. */
struct palette {
    const uint8_t *codes;
    const int8_t *values; /* of each code */
    uint32_t bits;
};
void dot_palette(const struct palette *op, const int8_t *in, uint32_t in_c, uint32_t out_c,
                 int32_t *sums);
void palette_row(const struct palette *op, uint32_t row, uint32_t count, int8_t *out);

/* The weights that are left, row by row, each with its column. */
struct sparse_rows {
    const int8_t *values;
    const uint16_t *lengths; /* weights of each row */
    const uint8_t *columns;  /* where in_c is at most 256, else 0 and: */
    const uint16_t *wide;
};
void dot_sparse_rows(const struct sparse_rows *op, const int8_t *in, uint32_t out_c, int32_t *sums);

/* The same of a table, of which any row is found at once. */
struct sparse_table {
    const int8_t *values;
    const uint8_t *columns;
    const uint16_t *starts; /* of each row, and the end of the last, where that fits; else 0 and: */
    const uint32_t *wide;
};
void sparse_table_row(const struct sparse_table *op, uint32_t row, uint32_t count, int8_t *out);

/* Blocks of which whole columns, and whole eights of rows, are left: one list of columns for all
 * rows of a block. Blocks lie side by side, `across` of them for each `rows` rows (8 to 64 in
 * eights; the last rows may be fewer, filled up with zeros to eights), `width` columns each but for
 * the last. Ref: Niu et al., GRIM, arXiv 2108.11033 (block column-row pruning, BCRC storage). */
struct blocks {
    const int8_t *weights;  /* of each eight that is left, one after the other */
    const uint16_t *counts; /* of columns that are left of each block, in fours */
    const uint8_t *eights;  /* bit n: the nth eight rows of the block are left */
    const uint8_t *columns; /* in the block, where its width is at most 256; else 0 and: */
    const uint16_t *wide;   /* both 0: all columns are left, and inputs are read where they are */
    uint32_t rows, width, across;
};
/* An eight is [8][columns]. `sums` has whole eights; `buffer` the inputs of a block. */
void dot_blocks(const struct blocks *op, const int8_t *in, uint32_t out_c, int8_t *buffer,
                int32_t *sums);
/* The same; an eight is [columns / 4][4][8], two rows in a word (models/compiler/dsp/halves.py),
 * which DSP instructions need not unpack. `in` and `buffer` are aligned to words. */
void dot_blocks_dsp(const struct blocks *op, const int8_t *in, uint32_t out_c, int8_t *buffer,
                    int32_t *sums);
/* The same of weights as `dot_blocks` reads them, by vector instructions where the core has any. */
void dot_blocks_mve(const struct blocks *op, const int8_t *in, uint32_t out_c, int8_t *buffer,
                    int32_t *sums);

/* out[rows[i]] = sums[i] of `count` rows, which were put in another order, or are not all. */
void put_rows(const uint16_t *rows, const int32_t *sums, uint32_t count, int32_t *out);

/* A number of 24 bits that tells sums apart. */
uint32_t told_apart(const int32_t *sums, uint32_t count);

/* int8 = sum * multiplier * 2^-shift, halves upwards, limited to 0..127. shift: 1..62. */
void activate(const int32_t *sums, uint32_t count, int32_t multiplier, uint32_t shift, int8_t *out);

/* The first of the largest. */
uint32_t largest(const int32_t *sums, uint32_t count);

#endif
