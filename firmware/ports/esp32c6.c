/* Port for Espressif's ESP32-C6, its HP core, started by its ROM from flash ("direct boot"): 160 or
 * 80 MHz from the PLL, one UART or its own USB, received by interrupt.
 *
 * Registers are named as in esp-idf, soc/esp32c6; the comments name the chapters of the ESP32-C6
 * Technical Reference Manual. The ROM has mapped flash and started the PLL, for its log goes to
 * USB, which runs by it.
 */
#include "port.h"

#include "chip.h"
#include "cpu.h"
#include "line.h"
#include "start.h"
#include "timing.h"

#if CLOCK_HZ != 160000000 && CLOCK_HZ != 80000000
#error "an ESP32-C6 runs at 160 or 80 MHz by its PLL: clock_hz in the board's declaration"
#endif

/* "Reset and Clock": the PLL's 480 MHz are divided by three, then by one or two. */
#define PCR_SYSCLK_CONF (PCR + 0x110)
#define SOC_CLK_SEL (3u << 16)
#define SOC_CLK_PLL (1u << 16)
#define PCR_CPU_FREQ_CONF (PCR + 0x118)
#define CPU_HS_DIV_NUM (0xFFu << 8)
#define CPU_HS_DIV (CLOCK_HZ == 160000000 ? 0u : 1u << 8)
#define CPU_HS_120M_FORCE (1u << 16)

/* From the crystal to the PLL, which runs: its divider before the switch. */
static void clocks(void) {
    register_change(PCR_CPU_FREQ_CONF, CPU_HS_DIV_NUM | CPU_HS_120M_FORCE, CPU_HS_DIV);
    register_change(PCR_SYSCLK_CONF, SOC_CLK_SEL, SOC_CLK_PLL);
}

void port_init(void) {
    watchdogs_off();
    clocks();
    timing_start();
    line_start();
}
