/* Long short-term memory of int16 in plain C. */
#include "lstm.h"
#include "weighted_int16.h"

/* Where a unit has its weights and biases. */
struct unit {
    const int8_t *in_weights, *hidden_weights;
    const int64_t *biases;
};

static int32_t share(int64_t sum, const struct gate *gate) {
    const struct channel_int16 channel = {0, gate->multiplier, gate->shift};
    return output_int16(&channel, sum, 0, INT16_MIN, INT16_MAX);
}

static int16_t step(const struct lstm_int16 *op, struct unit unit, const short_int *values,
                    const short_int *before, short_int *cell) {
    const struct sequences *s = &op->sequences;
    int32_t gates[GATES];
    for (int32_t i = 0; i < GATES; i++) {
        const int64_t given = products_int16(values, unit.in_weights + i * s->in_c, s->in_c);
        const int64_t held = products_int16(before, unit.hidden_weights + i * s->units, s->units);
        gates[i] = limited_to_int16(share(given + unit.biases[i], &op->in_gates[i]) +
                                    share(held, &op->hidden_gates[i]));
    }
    return (int16_t)limited_to_int16(lstm_unit(&op->cell, gates, cell));
}

void lstm_int16(const struct lstm_int16 *op, const void *in, void *hidden, void *cell, void *out) {
    const struct sequences *s = &op->sequences;
    short_int *held = hidden;
    short_int *cells = cell;
    for (int32_t batch = 0; batch < s->batches; batch++, held += s->units, cells += s->units) {
        const short_int *values = (const short_int *)in + batch * s->in_batch;
        const short_int *before = held;
        short_int *after = (short_int *)out + batch * s->out_batch;
        for (int32_t i = 0; i < s->steps; i++, values += s->in_step) {
            for (int32_t j = 0; j < s->units; j++) {
                const struct unit unit = {op->in_weights + j * GATES * s->in_c,
                                          op->hidden_weights + j * GATES * s->units,
                                          op->biases + j * GATES};
                after[j] = step(op, unit, values, before, cells + j);
            }
            before = after;
            after += s->out_step;
        }
        memcpy(held, before, (size_t)s->units * sizeof *held);
    }
}
