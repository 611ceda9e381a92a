/* How busy a stream keeps the core, over all of its frames. */
#ifndef TINYBENCH_BUSY_H
#define TINYBENCH_BUSY_H

#include <stdbool.h>
#include <stdint.h>

/* A stream begins. */
void busy_start(void);

/* A frame is processed between these two; its samples came by themselves at `came_us`, if so. */
void busy_came(uint32_t came_us);
void busy_begins(void);
void busy_ends(void);

/* Answer `m-busy-[...]`, and where sound comes by itself `m-sound-[...]`: docs/stream.md. */
void busy_text(bool sounds);

#endif
