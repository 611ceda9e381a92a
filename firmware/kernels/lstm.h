/* Long short-term memory over a sequence: int8 or int16 with a cell of int16, and floats.
 *
 * Each step takes an input and the output of the step before. Weights and biases are of four gates
 * by turns: what is let in, what is kept, the candidate, what is let out. The output of the last
 * step and the cell are states, which begin the next sequence.
 */
#ifndef TINYBENCH_LSTM_H
#define TINYBENCH_LSTM_H

#include <string.h>

#include "fixed_point.h"
#include "int16.h"

#define GATES 4
enum { GATE_IN, GATE_KEEP, GATE_CANDIDATE, GATE_OUT };

/* Where sequences lie, in elements: `batches` of them, of `steps` each. */
struct sequences {
    int32_t batches, steps;
    int32_t in_c, units;
    int32_t in_batch, in_step; /* from one to the next */
    int32_t out_batch, out_step;
};

/* How a sum of products becomes a gate's share: in steps of 2^-12. */
struct gate {
    int32_t multiplier, shift;
};

/* How a cell takes what is let in, and gives an output. */
struct cell {
    int32_t multiplier, shift; /* of what is let in */
    int32_t min, max;
    int32_t tanh_multiplier, tanh_right_shift; /* from the cell to steps of 2^-12 / 3 */
    int32_t out_multiplier, out_shift, out_offset;
};

/* Weights are [units][blocks][4][block], blocks filled up with zeros; a block is as many inputs as
 * the kernel takes at once: all of them in `lstm`, 4 in `lstm_dsp`, 16 in `lstm_mve`. */
struct lstm {
    const int8_t *in_weights, *hidden_weights;
    const int32_t *in_biases, *hidden_biases; /* [units][4], with the zero point folded in */
    struct sequences sequences;
    struct gate in_gates[GATES], hidden_gates[GATES];
    struct cell cell;
};
void lstm(const struct lstm *op, const int8_t *in, void *hidden, void *cell, int8_t *out);
void lstm_dsp(const struct lstm *op, const int8_t *in, void *hidden, void *cell, int8_t *out);
void lstm_mve(const struct lstm *op, const int8_t *in, void *hidden, void *cell, int8_t *out);

/* Of int16; gates are (sum + bias) * multiplier / 2^shift. */
struct lstm_int16 {
    const int8_t *in_weights;     /* [units][4][in_c] */
    const int8_t *hidden_weights; /* [units][4][units] */
    const int64_t *biases;        /* [units][4] */
    struct sequences sequences;
    struct gate in_gates[GATES], hidden_gates[GATES];
    struct cell cell;
};
void lstm_int16(const struct lstm_int16 *op, const void *in, void *hidden, void *cell, void *out);

struct lstm_float32 {
    const float *in_weights;     /* [units][4][in_c] */
    const float *hidden_weights; /* [units][4][units] */
    const float *biases;         /* [units][4] */
    struct sequences sequences;
    float cell_max; /* and minus that */
};
void lstm_float32(const struct lstm_float32 *op, const void *in, void *hidden, void *cell,
                  void *out);

static inline int32_t limited_to_int16(int32_t x) {
    return clamp(x, INT16_MIN, INT16_MAX);
}

/* A gate's share of a sum of products. */
static inline int32_t gate_share(int32_t sum, const struct gate *gate) {
    return limited_to_int16(requantise(sum, gate->multiplier, gate->shift));
}

/* Take a step of one unit by its gates before their functions; returns the output. */
static inline int32_t lstm_unit(const struct cell *op, const int32_t gates[GATES],
                                short_int *cell) {
    const int32_t candidate = tanh_int16(3 * gates[GATE_CANDIDATE]);
    const int32_t kept = requantise(sigmoid_int16(3 * gates[GATE_KEEP]) * *cell, 1 << 30, -14);
    const int32_t let_in =
        requantise(sigmoid_int16(3 * gates[GATE_IN]) * candidate, op->multiplier, op->shift);
    const int32_t sum = limited_to_int16(limited_to_int16(kept) + limited_to_int16(let_in));
    *cell = (int16_t)clamp(sum, op->min, op->max);
    const int32_t half = (int32_t)((1u << op->tanh_right_shift) >> 1);
    const int32_t shown = tanh_int16((*cell * op->tanh_multiplier + half) >> op->tanh_right_shift);
    const int32_t out = sigmoid_int16(3 * gates[GATE_OUT]) * shown;
    return requantise(out, op->out_multiplier, op->out_shift) + op->out_offset;
}

/* The sums of `count` values times the weights of the four gates, that begin with the biases. */
typedef void four_sums(const int8_t *values, int32_t count, const int8_t *weights,
                       const int32_t *biases, int32_t sums[GATES]);

static inline void each_step(const struct lstm *op, const int8_t *in, int8_t *hidden,
                             short_int *cell, int8_t *out, four_sums *sums_of, int32_t block) {
    const struct sequences *s = &op->sequences;
    const int32_t in_row = GATES * ((s->in_c + block - 1) / block * block);
    const int32_t hidden_row = GATES * ((s->units + block - 1) / block * block);
    for (int32_t batch = 0; batch < s->batches; batch++, hidden += s->units, cell += s->units) {
        const int8_t *values = in + batch * s->in_batch;
        const int8_t *before = hidden;
        int8_t *after = out + batch * s->out_batch;
        for (int32_t step = 0; step < s->steps; step++, values += s->in_step) {
            for (int32_t unit = 0; unit < s->units; unit++) {
                int32_t sums[GATES], hidden_sums[GATES], gates[GATES];
                sums_of(values, s->in_c, op->in_weights + unit * in_row,
                        op->in_biases + GATES * unit, sums);
                sums_of(before, s->units, op->hidden_weights + unit * hidden_row,
                        op->hidden_biases + GATES * unit, hidden_sums);
                for (int32_t i = 0; i < GATES; i++) {
                    gates[i] = limited_to_int16(gate_share(sums[i], &op->in_gates[i]) +
                                                gate_share(hidden_sums[i], &op->hidden_gates[i]));
                }
                after[unit] =
                    (int8_t)clamp(lstm_unit(&op->cell, gates, cell + unit), INT8_MIN, INT8_MAX);
            }
            before = after;
            after += s->out_step;
        }
        memcpy(hidden, before, (size_t)s->units);
    }
}

#endif
