/* The whole contract between the core and an inference engine.
 *
 * The model compiler emits a model.c that implements it (tinybench compile); any other engine that
 * implements these symbols can be linked in its place.
 */
#ifndef TINYBENCH_MODEL_H
#define TINYBENCH_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The model id of the protocol, such as "kws01". */
extern const char model_id[];

/* Bytes of one uploaded input. */
extern const uint32_t model_input_b;

/* The upload buffer, model_input_b bytes, aligned to 4. The protocol writes it between inferences;
 * the engine reads it and never writes it, so that the same input gives the same output however
 * often it is inferred. */
extern uint8_t model_input[];

/* XORed into each byte on its way into model_input, and out of it again on `db print`: 0x80 turns
 * an image's uint8 into the int8 = uint8 - 128 that the model wants. 0 leaves bytes as sent. */
extern const uint8_t model_input_flip;

/* Called once when the upload is complete, untimed: does what the input needs before an inference,
 * such as quantising floats into a tensor of the engine's own. */
void model_load(void);

/* Run one inference on the loaded input. Returns 0, or a negative number when the engine failed. */
int model_infer(void);

/* A model may keep a state, such as what a stream said before. By default each inference begins
 * with it as it was at first, so that the same input gives the same output. Where `kept`, it lasts
 * from one inference to the next; either way it is put back now. Returns false where the model has
 * no state; an engine without one leaves this out. */
bool model_keep_state(bool kept);

/* Called once after the last inference of a window, untimed, while its input is still in
 * model_input: computes whatever model_result needs of both. */
void model_finish(void);

/* How many values `m-results` prints, with how many decimals (enough to tell any two outputs
 * apart), and whether they are rounded as by printf's %f, or cut off. */
extern const uint32_t model_result_count;
extern const uint32_t model_result_decimals;
extern const bool model_result_rounded;

/* Value `index` (below model_result_count) of the last window, in real units: a softmax output in
 * 0..1, or an error. Untimed. 0 before the first inference. */
float model_result(uint32_t index);

/* How many layers (kernel calls) an inference has; a front end before the model has its own. */
extern const uint32_t model_layer_count;
#ifndef MODEL_LAYERS_BEFORE
#define MODEL_LAYERS_BEFORE 0
#endif

/* What a step of the model's input stands for, where that is int8; for a front end alone. */
extern const float model_input_scale;
extern const int32_t model_input_zero_point;

/* Run one layer. All layers, one after the other from 0, are exactly one model_infer. Returns 0, or
 * a negative number when the engine failed. */
int model_infer_layer(uint32_t index);

/* In a build with TB_PATCHES, whose constants lie in RAM: constant `index` of the model and its
 * bytes, for whoever disturbs its weights; NULL past the last. Between two inferences alone. */
uint8_t *model_place(uint32_t index, uint32_t *size_b);

#ifdef __cplusplus
}
#endif

#endif
