/* Peripherals are held in reset until they are let go. Ref: RP2040 data sheet, 2.14 Subsystem
 * resets. */
#ifndef TINYBENCH_RESETS_H
#define TINYBENCH_RESETS_H

#include "chip.h"
#include "cpu.h"

#define RESETS_RESET (RESETS + 0x0)
#define RESETS_RESET_DONE (RESETS + 0x8)

/* Reset peripherals, whatever was done with them before, and wait until they can be used. */
static inline void restart(uint32_t bits) {
    register_set(RESETS_RESET, bits);
    register_change(RESETS_RESET, bits, 0);
    register_wait(RESETS_RESET_DONE, bits, bits);
}

#endif
