/* Long short-term memory with DSP instructions: four gates of a unit at a time. */
#include "dsp.h"
#include "lstm.h"

static void sums_of(const int8_t *values, int32_t count, const int8_t *weights,
                    const int32_t *biases, int32_t sums[GATES]) {
    const int32_t groups = count / 4;
    memcpy(sums, biases, GATES * sizeof *sums);
    dot_4(values, weights, groups, sums);
    if (count % 4 > 0) {
        int8_t last[4] = {0};
        copy_bytes(last, values + 4 * groups, count % 4);
        dot_4(last, weights + 16 * groups, 1, sums);
    }
}

void lstm_dsp(const struct lstm *op, const int8_t *in, void *hidden, void *cell, int8_t *out) {
    each_step(op, in, hidden, cell, out, sums_of, 4);
}
