/* Learning of a hidden layer: forward, gradient and step; nothing where there is none. */
#include "hidden.h"

#include <stddef.h>

#define TRAIN_LAYER /* with its weights */
#include "train_config.h"

#if TRAIN_HIDDEN > 0
#define WEIGHTS (TRAIN_HIDDEN * TRAIN_BODY)

static struct {
    float weights[TRAIN_HIDDEN][TRAIN_BODY];
    float biases[TRAIN_HIDDEN];
    float gathered[TRAIN_HIDDEN][TRAIN_BODY];
    float gathered_biases[TRAIN_HIDDEN];
} hidden;

void hidden_begin(void) {
    for (uint32_t unit = 0; unit < TRAIN_HIDDEN; unit++) {
        hidden.biases[unit] = 0.0f;
        hidden.gathered_biases[unit] = 0.0f;
        for (uint32_t i = 0; i < TRAIN_BODY; i++) {
            hidden.weights[unit][i] = train_hidden_weights[unit][i];
            hidden.gathered[unit][i] = 0.0f;
        }
    }
}

void hidden_forward(const float *values, float *outputs) {
    for (uint32_t unit = 0; unit < TRAIN_HIDDEN; unit++) {
        float sum = 0.0f;
        for (uint32_t i = 0; i < TRAIN_BODY; i++) {
            sum += hidden.weights[unit][i] * values[i];
        }
        sum += hidden.biases[unit];
        outputs[unit] = sum < 0.0f ? 0.0f : sum; /* what is no number stays none */
    }
}

void hidden_add(uint32_t unit, float slope, const float *values) {
    for (uint32_t i = 0; i < TRAIN_BODY; i++) {
        hidden.gathered[unit][i] += slope * values[i];
    }
    hidden.gathered_biases[unit] += slope;
}

bool hidden_step(float rate, float kept_share) {
    bool finite = true;
    for (uint32_t unit = 0; unit < TRAIN_HIDDEN; unit++) {
        for (uint32_t i = 0; i < TRAIN_BODY; i++) {
            float *weight = &hidden.weights[unit][i];
            *weight -= rate * hidden.gathered[unit][i];
            hidden.gathered[unit][i] *= kept_share;
            finite &= *weight - *weight == 0.0f;
        }
        hidden.biases[unit] -= rate * hidden.gathered_biases[unit];
        hidden.gathered_biases[unit] *= kept_share;
        finite &= hidden.biases[unit] - hidden.biases[unit] == 0.0f;
    }
    return finite;
}

uint32_t hidden_words(void) {
    return 2 * (WEIGHTS + TRAIN_HIDDEN);
}

float *hidden_word(uint32_t index) {
    if (index < WEIGHTS) {
        return &hidden.weights[index / TRAIN_BODY][index % TRAIN_BODY];
    }
    index -= WEIGHTS;
    if (index < TRAIN_HIDDEN) {
        return &hidden.biases[index];
    }
    index -= TRAIN_HIDDEN;
    if (index < WEIGHTS) {
        return &hidden.gathered[index / TRAIN_BODY][index % TRAIN_BODY];
    }
    return &hidden.gathered_biases[index - WEIGHTS];
}
#else
void hidden_begin(void) {
}

void hidden_forward(const float *values, float *outputs) {
    (void)values, (void)outputs;
}

void hidden_add(uint32_t unit, float slope, const float *values) {
    (void)unit, (void)slope, (void)values;
}

bool hidden_step(float rate, float kept_share) {
    (void)rate, (void)kept_share;
    return true;
}

uint32_t hidden_words(void) {
    return 0;
}

float *hidden_word(uint32_t index) {
    (void)index;
    return NULL;
}
#endif
