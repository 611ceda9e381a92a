/* A layer with ReLU between what the frozen model gives and the head (TRAIN_HIDDEN units of
 * TRAIN_BODY values each), learnt together with it, in single precision. */
#ifndef TINYBENCH_HIDDEN_H
#define TINYBENCH_HIDDEN_H

#include <stdbool.h>
#include <stdint.h>

/* Begin from the weights in flash. */
void hidden_begin(void);

/* Work out the units' outputs, TRAIN_HIDDEN of them, of TRAIN_BODY `values`. */
void hidden_forward(const float *values, float *outputs);

/* Gather the gradient of unit `unit`, whose loss rises by `slope` with its output, on the values of
 * the last hidden_forward. */
void hidden_add(uint32_t unit, float slope, const float *values);

/* Change the weights by what was gathered. Returns false where one is no number any more. */
bool hidden_step(float rate, float kept_share);

/* All that it has, as words of 32 bits: weights unit by unit, biases, what momentum gathers of
 * both. None, where there is no such layer. */
uint32_t hidden_words(void);
float *hidden_word(uint32_t index);

#endif
