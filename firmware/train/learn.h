/* Learning of a dense head on what a frozen model gives, by softmax and cross entropy or by the
 * squared error of outputs to inputs (TRAIN_SQUARED), with a hidden layer before it or without:
 * SGD with momentum, in single precision, each sum in one stated order, so that all cores and
 * NumPy agree to the bit.
 *
 * What the head is, and which part of it learns, stands in train_config.h, written for each image:
 * TRAIN_BODY values of model_result; TRAIN_FEATURES inputs of the head, as many, or the units of
 * the hidden layer; TRAIN_CLASSES outputs; of these TRAIN_ROWS learn, each in TRAIN_COLUMNS of its
 * weights (0: its bias alone). Weights are float32 (TRAIN_BITS 32), or int16 or int8 with a scale
 * a row; biases and what momentum gathers are float32 always. Only what learns is in RAM. */
#ifndef TINYBENCH_LEARN_H
#define TINYBENCH_LEARN_H

#include <stdbool.h>
#include <stdint.h>

/* Begin from the weights in flash: `rate` and `momentum` of SGD, `batch` samples a step; `seed` of
 * what int weights are rounded by. */
void learn_begin(float rate, float momentum, uint32_t batch, uint32_t seed);

/* Take the features of the last inference, and work out what the head makes of them: probabilities
 * or values, all 0 where one is no number. learn_feature is one of the TRAIN_BODY of the model;
 * learn_loss the squared error, where that is what is learnt by, and -1 where it is none. */
void learn_forward(void);
float learn_feature(uint32_t index);
float learn_output(uint32_t index);
float learn_loss(void);

/* learn_forward, and gather the gradient of the loss over the batch: -ln(probability of `label`),
 * or the mean squared error. */
void learn_add(uint32_t label);

struct learned {
    float loss;         /* mean of the batch */
    uint32_t saturated; /* int weights that are at a limit of their range */
};

/* Change weights by what was gathered. Returns false where one is no number any more, or the loss
 * is none: nothing can be learnt from there. */
bool learn_step(struct learned *learned);

/* All that learning has, as words of 32 bits (floats by their bits): a hidden layer; weights that
 * learn, row by row, their biases, what momentum gathers of the weights, of the biases, and the
 * state of the random numbers. */
uint32_t learn_words(void);
uint32_t learn_read(uint32_t index);
void learn_write(uint32_t index, uint32_t word);

#endif
