/* CRC-32 as zlib and Ethernet have it: polynomial 0x04C11DB7, reflected, inverted at both ends. */
#ifndef TINYBENCH_CRC32_H
#define TINYBENCH_CRC32_H

#include <stdint.h>

/* Return the CRC-32 of what gave `so_far` (0 for nothing) and `length` more bytes, each XORed with
 * `flip`. "123456789" gives 0xCBF43926. */
uint32_t crc32(uint32_t so_far, const uint8_t *bytes, uint32_t length, uint8_t flip);

#endif
