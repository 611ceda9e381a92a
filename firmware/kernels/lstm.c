/* Long short-term memory in plain C. */
#include "lstm.h"

static void sums_of(const int8_t *values, int32_t count, const int8_t *weights,
                    const int32_t *biases, int32_t sums[GATES]) {
    for (int32_t gate = 0; gate < GATES; gate++, weights += count) {
        sums[gate] = biases[gate];
        for (int32_t i = 0; i < count; i++) {
            sums[gate] += values[i] * weights[i];
        }
    }
}

void lstm(const struct lstm *op, const int8_t *in, void *hidden, void *cell, int8_t *out) {
    each_step(op, in, hidden, cell, out, sums_of, 1);
}
