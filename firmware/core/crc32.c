/* CRC-32 as zlib and Ethernet have it, half a byte at a time. */
#include "crc32.h"

/* What four zero bits make of each value of the lowest four. 64 bytes: a table for whole bytes is
 * twice as fast and takes 1 kB, and a frame takes 100 times as long on the line as either. */
static const uint32_t table[16] = {
    0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
    0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
};

uint32_t crc32(uint32_t so_far, const uint8_t *bytes, uint32_t length, uint8_t flip) {
    uint32_t crc = ~so_far;
    for (uint32_t i = 0; i < length; i++) {
        crc ^= (uint32_t)(bytes[i] ^ flip);
        crc = (crc >> 4) ^ table[crc & 0xF];
        crc = (crc >> 4) ^ table[crc & 0xF];
    }
    return ~crc;
}
