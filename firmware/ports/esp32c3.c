/* Port for Espressif's ESP32-C3, started by its ROM from flash ("direct boot"): 160 or 80 MHz from
 * the PLL, one UART or its own USB, received by interrupt.
 *
 * Registers are named as in the ESP32-C3 Technical Reference Manual, whose chapters the comments
 * name. The ROM has mapped flash and started the PLL, for USB runs by it.
 */
#include "port.h"

#include "chip.h"
#include "cpu.h"
#include "line.h"
#include "start.h"
#include "timing.h"

#if CLOCK_HZ != 160000000 && CLOCK_HZ != 80000000
#error "an ESP32-C3 runs at 160 or 80 MHz by its PLL: clock_hz in the board's declaration"
#endif

/* 6 "Reset and Clock", 16 "System Registers". */
#define SYSTEM_CPU_PER_CONF (SYSTEM + 0x08)
#define CPU_PERIOD 3u
#define CPU_PERIOD_BITS (CLOCK_HZ == 160000000 ? 1u : 0u)
#define PLL_480_MHZ (1u << 2)
#define SYSTEM_SYSCLK_CONF (SYSTEM + 0x58)
#define SOC_CLK_SEL (3u << 10)
#define SOC_CLK_PLL (1u << 10)

/* From the crystal to the PLL, which runs: its divider before the switch. */
static void clocks(void) {
    register_change(SYSTEM_CPU_PER_CONF, CPU_PERIOD | PLL_480_MHZ, PLL_480_MHZ | CPU_PERIOD_BITS);
    register_change(SYSTEM_SYSCLK_CONF, SOC_CLK_SEL, SOC_CLK_PLL);
}

void port_init(void) {
    watchdogs_off();
    clocks();
    timing_start();
    line_start();
}
