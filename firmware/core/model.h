/* The whole contract between the core and an inference engine.
 *
 * The model compiler emits a model.c that implements it (tinybench compile); any other engine that
 * implements these symbols can be linked in its place.
 */
#ifndef TINYBENCH_MODEL_H
#define TINYBENCH_MODEL_H

#include <stddef.h>
#include <stdint.h>

/* The model id of the protocol, such as "kws01". */
extern const char model_id[];

/* Bytes of one uploaded input. */
extern const uint32_t model_input_b;

/* The upload buffer, model_input_b bytes, aligned to 4. The protocol writes it between inferences;
 * model_infer reads it and never writes it, so that the same input gives the same output however
 * often it is inferred. */
extern uint8_t model_input[];

/* How many values `m-results` prints, and with how many decimals (enough to tell any two outputs
 * apart). */
extern const uint32_t model_result_count;
extern const uint32_t model_result_decimals;

/* Run one inference on model_input. Returns 0, or a negative number when the engine failed. */
int model_infer(void);

/* Value `index` (below model_result_count) of the last inference, dequantised: the softmax output
 * in 0..1. Untimed. 0 before the first inference. */
float model_result(uint32_t index);

#endif
