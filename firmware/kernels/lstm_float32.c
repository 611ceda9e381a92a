/* Long short-term memory of floats. */
#include "exponential.h"
#include "floats.h"
#include "lstm.h"

static float sum_of(const real *values, int32_t count, const float *weights) {
    float sum = 0.0f;
    for (int32_t i = 0; i < count; i++) {
        sum += values[i] * weights[i];
    }
    return sum;
}

void lstm_float32(const struct lstm_float32 *op, const void *in, void *hidden, void *cell,
                  void *out) {
    const struct sequences *s = &op->sequences;
    for (int32_t batch = 0; batch < s->batches; batch++) {
        const real *values = (const real *)in + batch * s->in_batch;
        real *last = (real *)hidden + batch * s->units;
        real *kept = (real *)cell + batch * s->units;
        const real *before = last;
        real *after = (real *)out + batch * s->out_batch;
        for (int32_t step = 0; step < s->steps; step++, values += s->in_step) {
            for (int32_t unit = 0; unit < s->units; unit++) {
                float gates[GATES];
                for (int32_t i = 0; i < GATES; i++) {
                    const int32_t row = GATES * unit + i;
                    gates[i] = sum_of(values, s->in_c, op->in_weights + row * s->in_c);
                    gates[i] += op->biases[row];
                    gates[i] += sum_of(before, s->units, op->hidden_weights + row * s->units);
                }
                const float candidate = hyperbolic_tangent(gates[GATE_CANDIDATE]);
                float sum = sigmoid(gates[GATE_KEEP]) * kept[unit];
                sum += sigmoid(gates[GATE_IN]) * candidate;
                sum = sum > op->cell_max ? op->cell_max : sum;
                kept[unit] = sum < -op->cell_max ? -op->cell_max : sum;
                after[unit] = hyperbolic_tangent(kept[unit]) * sigmoid(gates[GATE_OUT]);
            }
            before = after;
            after += s->out_step;
        }
        memcpy(last, before, (size_t)s->units * sizeof *last);
    }
}
