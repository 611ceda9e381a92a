/* The clocks of ST's peripherals, each switched on by a bit of a register. */
#ifndef TINYBENCH_CLOCK_H
#define TINYBENCH_CLOCK_H

#include "cpu.h"

/* Give peripherals their clock. Two cycles pass until it runs, and reading the bit takes longer.
 * Ref: RM0090, "Peripheral clock enable register"; RM0432, "Peripheral clock gating". */
static inline void clock_enable(uint32_t enable, uint32_t bits) {
    register_set(enable, bits);
    (void)register_read(enable);
}

#endif
