/* CRC-32 as zlib and Ethernet have it: half a byte at a time, of four bytes that are loaded at
 * once. */
#include "crc32.h"

/* What four zero bits make of each value of the lowest four. 64 bytes: a table for whole bytes is
 * twice as fast and takes 1 kB, and a frame takes 100 times as long on the line as either. */
static const uint32_t table[16] = {
    0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
    0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
};

/* Macros, because the core is compiled for size: functions would be called for each byte. */
#define FOUR_BITS(crc) (((crc) >> 4) ^ table[(crc) & 0xF])
#define EIGHT_BITS(crc) (crc = FOUR_BITS(crc), crc = FOUR_BITS(crc))

static inline uint32_t u32(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

uint32_t crc32(uint32_t so_far, const uint8_t *bytes, uint32_t length, uint8_t flip) {
    uint32_t crc = ~so_far;
    for (; length >= 4; length -= 4, bytes += 4) {
        crc ^= u32(bytes) ^ flip * 0x01010101u;
        EIGHT_BITS(crc);
        EIGHT_BITS(crc);
        EIGHT_BITS(crc);
        EIGHT_BITS(crc);
    }
    for (; length > 0; length--) {
        crc ^= (uint32_t)(*bytes++ ^ flip);
        EIGHT_BITS(crc);
    }
    return ~crc;
}
