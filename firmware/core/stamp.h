/* Time stamps. The energy build marks a moment by an edge on the timing pin, the other one by a
 * line of text. */
#ifndef TINYBENCH_STAMP_H
#define TINYBENCH_STAMP_H

#include <stdint.h>

/* `timestamp`: answer the time in microseconds, or mark it. */
void stamp_now(void);

/* The two halves of it: mark this moment, if by an edge; and answer one, if by text. */
void stamp_edge(void);
void stamp_text(uint32_t micros);

#endif
