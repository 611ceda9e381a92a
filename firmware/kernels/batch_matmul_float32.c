/* Products of matrices of floats. */
#include "floats.h"

static float product(const struct batch_matmul_float32 *op, const real *first, const real *second) {
    float sum = 0.0f;
    for (int32_t i = 0; i < op->depth; i++) {
        sum += first[i * op->first_depth] * second[i * op->second_depth];
    }
    return sum;
}

static void one(const struct batch_matmul_float32 *op, const real *first, const real *second,
                real *out) {
    for (int32_t row = 0; row < op->rows; row++) {
        for (int32_t column = 0; column < op->columns; column++) {
            *out++ = product(op, first + row * op->first_row, second + column * op->second_column);
        }
    }
}

void batch_matmul_float32(const struct batch_matmul_float32 *op, const void *first,
                          const void *second, void *out) {
    real *to = out;
    for (int32_t i = 0; i < op->batches[0]; i++) {
        for (int32_t j = 0; j < op->batches[1]; j++) {
            for (int32_t k = 0; k < op->batches[2]; k++) {
                const real *a = first;
                const real *b = second;
                a += i * op->first_batch[0] + j * op->first_batch[1] + k * op->first_batch[2];
                b += i * op->second_batch[0] + j * op->second_batch[1] + k * op->second_batch[2];
                one(op, a, b, to);
                to += op->rows * op->columns;
            }
        }
    }
}
