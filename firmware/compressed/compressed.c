/* Fully connected layers and embedding tables of shared, coded and left-out weights. */
#include "compressed.h"

#include <string.h>

uint32_t row_of_table(const uint8_t *in, const uint32_t *firsts, uint32_t k) {
    const uint32_t id = in[2 * k] | (uint32_t)in[2 * k + 1] << 8, first = firsts[k];
    return id < firsts[k + 1] - first ? first + id : first;
}

static int32_t dot(const int8_t *weights, const int8_t *in, uint32_t count) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += weights[i] * in[i];
    }
    return sum;
}

void dot_dense(const int8_t *weights, const int8_t *in, uint32_t in_c, uint32_t out_c,
               int32_t *sums) {
    for (uint32_t row = 0; row < out_c; row++) {
        sums[row] += dot(weights + row * in_c, in, in_c);
    }
}

void dense_row(const int8_t *weights, uint32_t row, uint32_t count, int8_t *out) {
    memcpy(out, weights + row * count, count);
}

/* a + b modulo the prime, of two below it. */
static uint32_t step(uint32_t a, uint32_t b) {
    const uint32_t sum = a + b;
    return sum >= ROBE_PRIME ? sum - ROBE_PRIME : sum;
}

/* The hash of a row's first block. */
static uint32_t hash_of_row(const struct robe *op, uint32_t row) {
    return (uint32_t)(((uint64_t)op->a * row + op->c) % ROBE_PRIME);
}

uint32_t robe_index(const struct robe *op, uint32_t row, uint32_t i) {
    const uint64_t block = (uint64_t)op->b * (i / op->block);
    const uint32_t hash = (uint32_t)(((uint64_t)hash_of_row(op, row) + block) % ROBE_PRIME);
    return hash % (op->size - op->block + 1) + i % op->block;
}

void robe_row(const struct robe *op, uint32_t row, uint32_t count, int8_t *out) {
    const uint32_t places = op->size - op->block + 1;
    uint32_t hash = hash_of_row(op, row);
    for (uint32_t done = 0; done < count; done += op->block, hash = step(hash, op->b)) {
        const int8_t *from = op->array + hash % places;
        for (uint32_t i = 0; i < op->block && done + i < count; i++) {
            out[done + i] = from[i];
        }
    }
}

/* A division of 64 bits takes a small core as long as many weights: hashes of neighbours are a
 * step apart. */
void dot_robe(const struct robe *op, uint32_t first, const int8_t *in, uint32_t in_c,
              uint32_t out_c, int32_t *sums) {
    const struct robe it = *op;
    const uint32_t places = it.size - it.block + 1;
    uint32_t start = hash_of_row(&it, first);
    for (uint32_t row = 0; row < out_c; row++, start = step(start, it.a)) {
        uint32_t hash = start, done = 0;
        int32_t sum = sums[row];
        for (; done + it.block <= in_c; done += it.block, hash = step(hash, it.b)) {
            sum += dot(it.array + hash % places, in + done, it.block);
        }
        if (done < in_c) {
            sum += dot(it.array + hash % places, in + done, in_c - done);
        }
        sums[row] = sum;
    }
}

void dot_palette(const struct palette *op, const int8_t *in, uint32_t in_c, uint32_t out_c,
                 int32_t *sums) {
    const uint32_t bits = op->bits, mask = (1u << bits) - 1;
    const uint8_t *codes = op->codes;
    for (uint32_t row = 0; row < out_c; row++) {
        int32_t sum = sums[row];
        for (uint32_t i = 0; i < in_c;) {
            uint32_t byte = *codes++;
            for (uint32_t k = 0; k < 8 && i < in_c; k += bits, byte >>= bits) {
                sum += op->values[byte & mask] * in[i++];
            }
        }
        sums[row] = sum;
    }
}

void palette_row(const struct palette *op, uint32_t row, uint32_t count, int8_t *out) {
    const uint32_t bits = op->bits, mask = (1u << bits) - 1;
    const uint8_t *codes = op->codes + row * ((count * bits + 7) / 8);
    for (uint32_t i = 0; i < count;) {
        uint32_t byte = *codes++;
        for (uint32_t k = 0; k < 8 && i < count; k += bits, byte >>= bits) {
            out[i++] = op->values[byte & mask];
        }
    }
}

void dot_sparse_rows(const struct sparse_rows *op, const int8_t *in, uint32_t out_c,
                     int32_t *sums) {
    const int8_t *value = op->values;
    const uint8_t *column = op->columns;
    const uint16_t *wide = op->wide;
    for (uint32_t row = 0; row < out_c; row++) {
        const int8_t *const end = value + op->lengths[row];
        int32_t sum = sums[row];
        if (column != 0) {
            while (value != end) {
                sum += *value++ * in[*column++];
            }
        } else {
            while (value != end) {
                sum += *value++ * in[*wide++];
            }
        }
        sums[row] = sum;
    }
}

void sparse_table_row(const struct sparse_table *op, uint32_t row, uint32_t count, int8_t *out) {
    const int wide = op->starts == 0;
    const uint32_t end = wide ? op->wide[row + 1] : op->starts[row + 1];
    memset(out, 0, count);
    for (uint32_t i = wide ? op->wide[row] : op->starts[row]; i < end; i++) {
        out[op->columns[i]] = op->values[i];
    }
}

void activate(const int32_t *sums, uint32_t count, int32_t multiplier, uint32_t shift,
              int8_t *out) {
    const int64_t half = (int64_t)1 << (shift - 1);
    for (uint32_t i = 0; i < count; i++) {
        const int64_t x = sums[i] <= 0 ? 0 : ((int64_t)sums[i] * multiplier + half) >> shift;
        out[i] = (int8_t)(x > 127 ? 127 : x);
    }
}

uint32_t largest(const int32_t *sums, uint32_t count) {
    uint32_t found = 0;
    for (uint32_t i = 1; i < count; i++) {
        if (sums[i] > sums[found]) {
            found = i;
        }
    }
    return found;
}
