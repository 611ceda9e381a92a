/* The caches of a Cortex-M7.
 *
 * Ref: Armv7-M Architecture Reference Manual, B2.2 (operations), B3.2.8 (CCR), B4.8.3 (CCSIDR).
 */
#ifndef TINYBENCH_CACHE_H
#define TINYBENCH_CACHE_H

#include "cpu.h"

#define CCR 0xE000ED14u
#define CCR_DC (1u << 16)
#define CCR_IC (1u << 17)
#define CCSIDR 0xE000ED80u
#define CSSELR 0xE000ED84u
#define ICIALLU 0xE000EF50u
#define DCISW 0xE000EF60u

/* Empty both caches, whose contents are unknown after reset, and switch them on. */
static inline void caches_start(void) {
    barrier();
    register_write(ICIALLU, 0);
    barrier();
    register_set(CCR, CCR_IC);
    barrier();

    register_write(CSSELR, 0); /* level 1, data */
    barrier();
    uint32_t size = register_read(CCSIDR);
    uint32_t sets = (size >> 13 & 0x7FFFu) + 1, ways = (size >> 3 & 0x3FFu) + 1;
    uint32_t line_bits = (size & 7u) + 4, way_shift = 32;
    while (1u << (32 - way_shift) < ways) {
        way_shift--;
    }
    for (uint32_t set = 0; set < sets; set++) {
        for (uint32_t way = 0; way < ways; way++) {
            uint32_t in_way = way == 0 ? 0 : way << way_shift;
            register_write(DCISW, in_way | set << line_bits);
        }
    }
    barrier();
    register_set(CCR, CCR_DC);
    barrier();
}

#endif
