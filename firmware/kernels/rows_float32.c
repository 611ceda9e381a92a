/* Operators on rows of floats: softmax and normalisation. */
#include <float.h>

#include "exponential.h"
#include "floats.h"

static float greatest(const real *values, int32_t count) {
    float most = -FLT_MAX;
    for (int32_t i = 0; i < count; i++) {
        most = most < values[i] ? values[i] : most;
    }
    return most;
}

void softmax_float32(const struct softmax_float32 *op, const void *in, void *out) {
    const real *values = in;
    real *result = out;
    for (int32_t row = 0; row < op->rows; row++, values += op->classes, result += op->classes) {
        const float most = greatest(values, op->classes);
        float sum = 0.0f;
        for (int32_t i = 0; i < op->classes; i++) {
            const float value = exponential((values[i] - most) * op->beta);
            result[i] = value;
            sum += value;
        }
        for (int32_t i = 0; i < op->classes; i++) {
            result[i] = result[i] / sum;
        }
    }
}

void log_softmax_float32(const struct log_softmax_float32 *op, const void *in, void *out) {
    const real *values = in;
    real *result = out;
    for (int32_t row = 0; row < op->rows; row++, values += op->classes, result += op->classes) {
        const float most = greatest(values, op->classes);
        float sum = 0.0f;
        for (int32_t i = 0; i < op->classes; i++) {
            sum += exponential(values[i] - most);
        }
        const float log_of_sum = logarithm(sum);
        for (int32_t i = 0; i < op->classes; i++) {
            result[i] = values[i] - most - log_of_sum;
        }
    }
}

void l2_normalization_float32(const struct l2_normalization_float32 *op, const void *in,
                              void *out) {
    const real *values = in;
    real *result = out;
    for (int32_t row = 0; row < op->rows; row++, values += op->count, result += op->count) {
        float squares = 0.0f;
        for (int32_t i = 0; i < op->count; i++) {
            squares += values[i] * values[i];
        }
        float length = square_root(squares);
        length = length < 1e-6f ? 1e-6f : length;
        for (int32_t i = 0; i < op->count; i++) {
            result[i] = values[i] / length;
        }
    }
}
