/* Learning of a dense head with softmax on what a frozen model gives: SGD with momentum, in single
 * precision, each sum in one stated order, so that all cores and NumPy agree to the bit.
 *
 * What the head is, and which part of it learns, stands in train_config.h, written for each image:
 * TRAIN_FEATURES values of model_result are its input, TRAIN_CLASSES its outputs; of these
 * TRAIN_ROWS learn, each in TRAIN_COLUMNS of its weights (0: its bias alone). Weights are float32
 * (TRAIN_BITS 32), or int16 or int8 with a scale a row; biases and what momentum gathers are
 * float32 always. Only what learns is in RAM. */
#ifndef TINYBENCH_LEARN_H
#define TINYBENCH_LEARN_H

#include <stdbool.h>
#include <stdint.h>

/* Begin from the weights in flash: `rate` and `momentum` of SGD, `batch` samples a step; `seed` of
 * what int weights are rounded by. */
void learn_begin(float rate, float momentum, uint32_t batch, uint32_t seed);

/* Take the features of the last inference, and work out what the head makes of them: all 0 where a
 * logit is no number. */
void learn_forward(void);
float learn_feature(uint32_t index);
float learn_probability(uint32_t index);

/* learn_forward, and gather the gradient of -ln(probability of `label`) over the batch. */
void learn_add(uint32_t label);

struct learned {
    float loss;         /* mean of the batch */
    uint32_t saturated; /* int weights that are at a limit of their range */
};

/* Change weights by what was gathered. Returns false where one is no number any more, or the loss
 * is none: nothing can be learnt from there. */
bool learn_step(struct learned *learned);

/* All that learning has, as words of 32 bits (floats by their bits): weights that learn, row by
 * row, their biases, what momentum gathers of the weights, of the biases, and the state of the
 * random numbers. */
uint32_t learn_words(void);
uint32_t learn_read(uint32_t index);
void learn_write(uint32_t index, uint32_t word);

#endif
