/* Products of matrices, in plain C. */
#include "fixed_point.h"
#include "reduce.h"

static int8_t product(const struct batch_matmul *op, const int8_t *first, const int8_t *second) {
    int32_t sum = 0;
    for (int32_t i = 0; i < op->depth; i++) {
        sum += (first[i * op->first_depth] + op->first_offset) *
               (second[i * op->second_depth] + op->second_offset);
    }
    const int32_t value = requantise(sum, op->multiplier, op->shift) + op->out_offset;
    return (int8_t)clamp(value, INT8_MIN, INT8_MAX);
}

static void one(const struct batch_matmul *op, const int8_t *first, const int8_t *second,
                int8_t *out) {
    for (int32_t row = 0; row < op->rows; row++) {
        for (int32_t column = 0; column < op->columns; column++) {
            *out++ = product(op, first + row * op->first_row, second + column * op->second_column);
        }
    }
}

void batch_matmul(const struct batch_matmul *op, const int8_t *first, const int8_t *second,
                  int8_t *out) {
    int8_t *to = out;
    for (int32_t i = 0; i < op->batches[0]; i++) {
        for (int32_t j = 0; j < op->batches[1]; j++) {
            for (int32_t k = 0; k < op->batches[2]; k++) {
                const int8_t *a = first;
                const int8_t *b = second;
                a += i * op->first_batch[0] + j * op->first_batch[1] + k * op->first_batch[2];
                b += i * op->second_batch[0] + j * op->second_batch[1] + k * op->second_batch[2];
                one(op, a, b, to);
                to += op->rows * op->columns;
            }
        }
    }
}
