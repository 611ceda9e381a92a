/* Long short-term memory with MVE instructions: four gates of a unit at a time. */
#include "lstm.h"
#include "mve.h"

static void sums_of(const int8_t *values, int32_t count, const int8_t *weights,
                    const int32_t *biases, int32_t sums[GATES]) {
    vstrwq_s32(sums, dot_4(values, count, &weights, biases));
}

void lstm_mve(const struct lstm *op, const int8_t *in, void *hidden, void *cell, int8_t *out) {
    each_step(op, in, hidden, cell, out, sums_of, 16);
}
