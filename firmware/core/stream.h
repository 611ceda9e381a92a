/* What the core knows of a stream of sound, where there is one: stream/ has it. */
#ifndef TINYBENCH_STREAM_H
#define TINYBENCH_STREAM_H

#include <stdbool.h>

/* The commands of a stream, and its word of `caps`. */
void hear_start(char *rest);
void hear_stop(char *rest);
void hear_uploaded(char *rest);
void hear_state(void);
void hear_pin_high(char *rest);
void hear_pin_low(char *rest);
void hear_stored_all(char *rest);
void hear_stored_features(char *rest);
void hear_stored_once(char *rest);
void hear_captured(char *rest);
void hear_caps(void);

/* Whether a stream was begun by `start`: then its `start` and `stop` mark time, and no inference.
 */
bool hear_listens(void);

/* Whether sound comes by itself: then commands that use the input, or the model, are refused. */
bool hear_sounds(void);

/* Hear what comes by itself until a byte of the host is there; returns at once where no sound
 * comes. */
void hear_meanwhile(void);

/* A frame of the stream is processed between these two, and counted: the processing pin is high,
 * and before it falls the wake-word pin tells of a detection. */
void hear_begins(void);
void hear_ends(bool inferred);

#endif
