/* Port for Nordic's nRF52840: 64 MHz from its crystal of 32 MHz, UARTE0 received by interrupt,
 * TIMER0 as time base, the instruction cache on, by LDO or DC/DC.
 *
 * Registers are named as in the nRF52840 Product Specification, whose sections the comments name.
 * The LED is on until the board is ready: if it stays on, port_init waits for the crystal.
 */
#include "port.h"

#include "chip.h"
#include "cpu.h"
#include "line.h"
#include "pins.h"
#include "timing.h"

#if CLOCK_HZ != 64000000
#error "the nRF52840 runs at 64 MHz: the board's clock_hz is another"
#endif

#define TASKS_HFCLKSTART (CLOCK + 0x000)
#define EVENTS_HFCLKSTARTED (CLOCK + 0x100)
#define APPROTECT_DISABLE 0x40000558u
#define POWER_DCDCEN 0x40000578u
#define NVMC_ICACHECNF 0x4001E540u
#define ICACHECNF_CACHEEN (1u << 0)
#define UICR_APPROTECT 0x10001208u

__attribute__((section(".interrupts"), used)) const Handler nrf52840_interrupts[] = {
    [UARTE_INTERRUPT] = line_interrupt,
};

static void clocks(void) {
    /* "Clock control", HFCLK: the core runs from the start; with the crystal its time is right. */
    register_write(EVENTS_HFCLKSTARTED, 0);
    register_write(TASKS_HFCLKSTART, 1);
    register_wait(EVENTS_HFCLKSTARTED, 1, 1);
#ifdef DCDC
    /* "Regulators", REG1: the board has the coil. */
    register_write(POWER_DCDCEN, 1);
#endif
    /* "Cache" of the NVMC. */
    register_write(NVMC_ICACHECNF, ICACHECNF_CACHEEN);
}

void port_init(void) {
    /* "Access port protection": later revisions let a debugger in when both the flash that holds
     * this setting and the firmware say so. */
    register_write(APPROTECT_DISABLE, register_read(UICR_APPROTECT));
    led_start();
    clocks();
    timing_start();
    line_start();
    led_off();
}
