/* Bytes that came by interrupt, until the core asks for them. */
#ifndef TINYBENCH_RECEIVED_H
#define TINYBENCH_RECEIVED_H

#include <stdbool.h>
#include <stdint.h>

/* How many are held. */
#define RECEIVED_B 2048u

/* From the interrupt: keep a byte. One that comes when the buffer is full is lost. */
void received_put(uint8_t byte);

/* From the core: return the oldest byte; the core sleeps until there is one. */
uint8_t received_get(void);

/* Whether there is one. */
bool received_any(void);

#endif
