/* What the core knows of a stream of sound, where there is one: stream/ has it. */
#ifndef TINYBENCH_STREAM_H
#define TINYBENCH_STREAM_H

#include <stdbool.h>

/* The commands of a stream, and its word of `caps`. */
void hear_start(char *rest);
void hear_stop(char *rest);
void hear_uploaded(char *rest);
void hear_state(void);
void hear_caps(void);

/* Whether a stream was begun by `start`: then its `start` and `stop` mark time, and no inference.
 */
bool hear_listens(void);

#endif
