/* Blocks on the serial line that hold any bytes and no zero, each closed by a zero.
 *
 * Ref: Cheshire and Baker, "Consistent Overhead Byte Stuffing", 1999; docs/link.md. */
#ifndef TINYBENCH_COBS_H
#define TINYBENCH_COBS_H

#include <stdint.h>

/* Wait for the next block that is not empty, and store what it holds. Returns the number of bytes,
 * 0 when the block is damaged or holds more than size_b, or -1 when the line is closed for good. */
int32_t cobs_receive(uint8_t *data, uint32_t size_b);

/* Send one more byte of the block under way. */
void cobs_put(uint8_t byte);

/* Close the block under way. */
void cobs_end(void);

#endif
