/* Port for the application core of Nordic's nRF5340: 128 MHz from its crystal of 32 MHz, UARTE0
 * received by interrupt, TIMER0 as time base, the cache on, by LDO. All in the secure state, which
 * the core has after reset; the network core stays off.
 *
 * Registers are named as in the nRF5340 Product Specification, whose sections the comments name.
 * The LED is on until the board is ready: if it stays on, port_init waits for the crystal.
 */
#include "port.h"

#include "chip.h"
#include "cpu.h"
#include "line.h"
#include "pins.h"
#include "timing.h"

#if CLOCK_HZ == 128000000
#define HFCLKCTRL_HCLK 0u
#elif CLOCK_HZ == 64000000
#define HFCLKCTRL_HCLK 1u
#else
#error "the nRF5340 runs at 128 or 64 MHz: the board's clock_hz is another"
#endif

#define TASKS_HFCLKSTART (CLOCK + 0x000)
#define EVENTS_HFCLKSTARTED (CLOCK + 0x100)
#define HFCLKSRC (CLOCK + 0x514)
#define HFCLKSRC_HFXO 1u
#define HFCLKCTRL (CLOCK + 0x558)
#define CTRLAP_APPROTECT_DISABLE 0x50006544u
#define CTRLAP_SECUREAPPROTECT_DISABLE 0x5000654Cu
#define UICR_APPROTECT 0x00FF8000u
#define UICR_SECUREAPPROTECT 0x00FF801Cu
#define FICR_TRIMCNF 0x00FF0300u /* pairs of an address and what goes there */
#define TRIMCNF_PAIRS 32u
#define TRIMCNF_END 0xFFFFFFFFu
#define CACHE_ENABLE 0x50001500u

__attribute__((section(".interrupts"), used)) const Handler nrf5340_interrupts[] = {
    [UARTE_INTERRUPT] = line_interrupt,
};

/* "FICR", TRIMCNF: what the maker has measured of this chip. */
static void trim(void) {
    for (uint32_t pair = FICR_TRIMCNF; pair < FICR_TRIMCNF + TRIMCNF_PAIRS * 8; pair += 8) {
        uint32_t address = register_read(pair);
        if (address == TRIMCNF_END) {
            return;
        }
        register_write(address, register_read(pair + 4));
    }
}

static void clocks(void) {
    /* "CLOCK": the source is chosen before it starts; the core takes its rate at once. */
    register_write(HFCLKSRC, HFCLKSRC_HFXO);
    register_write(EVENTS_HFCLKSTARTED, 0);
    register_write(TASKS_HFCLKSTART, 1);
    register_wait(EVENTS_HFCLKSTARTED, 1, 1);
    register_write(HFCLKCTRL, HFCLKCTRL_HCLK);
    /* "CACHE": off after reset. */
    register_write(CACHE_ENABLE, 1);
}

void port_init(void) {
    trim();
    /* "Access port protection": a debugger is let in when both the flash that holds this setting
     * and the firmware say so. */
    register_write(CTRLAP_APPROTECT_DISABLE, register_read(UICR_APPROTECT));
    register_write(CTRLAP_SECUREAPPROTECT_DISABLE, register_read(UICR_SECUREAPPROTECT));
    led_start();
    clocks();
    timing_start();
    line_start();
    led_off();
}
