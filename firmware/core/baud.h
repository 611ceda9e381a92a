/* The rate of the line: changed on demand, and changed back when nothing sensible comes at it. */
#ifndef TINYBENCH_BAUD_H
#define TINYBENCH_BAUD_H

#include <stdbool.h>
#include <stdint.h>

/* Go on at another rate, which port_takes_baud allows, or with 0 at the first. */
void baud_set(uint32_t baud);

/* Take note of something that no host sends, as a host at another rate seems to. Returns true when
 * it was one too many at a rate that was set: the line is at its first rate again. */
bool baud_doubt(void);

/* Take note of something that only a host at the same rate can have sent. */
void baud_trust(void);

#endif
