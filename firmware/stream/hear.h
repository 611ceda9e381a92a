/* A model of sound: samples are its input, features its first layer, a compiled model the rest.
 *
 * It implements core/model.h, so that samples come as any other input does. One inference hears one
 * frame. While the state is kept (model_keep_state), frames are one stream; else each is the first
 * of one. The compiled model takes the newest frame of features alone, or a history of them.
 */
#ifndef TINYBENCH_HEAR_H
#define TINYBENCH_HEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "front_end.h"
#include "stream.h"

/* Features of the last frame, its newest row. */
const int8_t *hear_features(void);

/* Output `index` of the last frame: a probability in steps of 1/256, less 128. */
int8_t hear_activation(uint32_t index);

/* Frames heard since the stream began, and values of their features beyond int8. */
uint32_t hear_frames(void);
uint32_t hear_outside(void);

/* Output 0 of frame `frame` of this stream; 0 of one that is not kept. */
#define HEAR_KEPT 40000 /* 21 minutes */
int8_t hear_kept(uint32_t frame);

/* The memory of these outputs, for samples while there is no stream. */
int16_t *hear_memory(void);

/* An output 0 above it is a detection. Ref: the reference submission. */
#define HEAR_DETECTED 115

/* Whether values beyond int8 go around in the streams that begin from now on. */
void hear_wraps(bool wraps);

#endif
