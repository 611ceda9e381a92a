/* The clocks of ST's peripherals, each switched on by a bit of a register; and of "RCC clock
 * control register" what all families have in the same places. */
#ifndef TINYBENCH_CLOCK_H
#define TINYBENCH_CLOCK_H

#include "chip.h"
#include "cpu.h"

#define RCC_CR (RCC + 0x00)
#define CR_HSEON (1u << 16)
#define CR_HSERDY (1u << 17)
#define CR_HSEBYP (1u << 18)
#define CR_PLLON (1u << 24)
#define CR_PLLRDY (1u << 25)

/* Give peripherals their clock. Two cycles pass until it runs, and reading the bit takes longer.
 * Ref: RM0090, "Peripheral clock enable register"; RM0432, "Peripheral clock gating". */
static inline void clock_enable(uint32_t enable, uint32_t bits) {
    register_set(enable, bits);
    (void)register_read(enable);
}

/* Switch the external oscillator on, bypassed before where its clock comes from outside; CR_HSERDY
 * follows. Ref: RM0090 and RM0432, "HSE clock". */
static inline void hse_on(void) {
#ifdef HSE_BYPASS
    register_set(RCC_CR, CR_HSEBYP);
#endif
    register_set(RCC_CR, CR_HSEON);
}

#endif
