/* Port for ST's STM32F746, F767 and their kin: the clock that the board's clock_hz wishes, one
 * USART, received by interrupt, both caches on.
 *
 * Registers are named as in ST's reference manual RM0385, whose sections the comments name. How PLL
 * and flash are set is computed from clocks/stm32f7.toml, and comes as macros. Code is read at
 * 0x08000000, by the AXI bus and the caches; the accelerator of flash is the other bus's. The LED
 * is on until the board is ready: if it stays on, port_init waits for a clock.
 */
#include "port.h"

#include "cache.h"
#include "chip.h"
#include "clock.h"
#include "cpu.h"
#include "line.h"
#include "pins.h"
#include "pll.h"
#include "timing.h"

#define OVER_DRIVE (SUPPLY == 1) /* above 180 MHz */

/* Power control registers. Voltage scale 1 is that after reset. */
#define PWR 0x40007000u
#define PWR_CR1 (PWR + 0x00)
#define CR1_ODEN (1u << 16)
#define CR1_ODSWEN (1u << 17)
#define PWR_CSR1 (PWR + 0x04)
#define CSR1_ODRDY (1u << 16)
#define CSR1_ODSWRDY (1u << 17)
#define APB1ENR_PWREN (1u << 28)

/* "Flash access control register". */
#define FLASH_ACR 0x40023C00u
#define ACR_LATENCY 0xFu

/* "RCC registers". */
#define RCC_PLLCFGR (RCC + 0x04)
#define PLLCFGR_M(n) (n)
#define PLLCFGR_N(n) ((n) << 6)
#define PLLCFGR_P(n) (((n) / 2u - 1u) << 16)
#ifdef PLL_FROM_HSE
#define PLLCFGR_SRC (1u << 22)
#else
#define PLLCFGR_SRC 0u /* HSI, which runs after reset */
#endif
#define PLLCFGR_Q(n) ((n) << 24)
#define PLLCFGR_R_AFTER_RESET (2u << 28) /* the F767's; reserved in an F746 */
#define PLL_Q ((PLL_DIVIDE * (CLOCK_HZ / 1000000u) + 47u) / 48u) /* USB's: at most 48 MHz */
#define RCC_CFGR (RCC + 0x08)
#define CFGR_SW 3u
#define CFGR_SW_PLL 2u
#define CFGR_SWS (3u << 2)
#define CFGR_SWS_PLL (2u << 2)
#define CFGR_PRESCALERS (0xFu << 4 | 0x3Fu << 10)
#define CFGR_PPRE1_DIV_4 (5u << 10)
#define CFGR_PPRE2_DIV_2 (4u << 13)

__attribute__((section(".interrupts"), used)) const Handler stm32f7_interrupts[] = {
    [37] = line_interrupt,
    [38] = line_interrupt,
    [39] = line_interrupt,
    [71] = line_interrupt,
};

/* From the 16 MHz of HSI after reset to CLOCK_HZ. */
static void clocks(void) {
#ifdef PLL_FROM_HSE
    hse_on();
    register_wait(RCC_CR, CR_HSERDY, CR_HSERDY);
#endif

    /* "PLL": configured while it is off. */
    register_write(RCC_PLLCFGR, PLLCFGR_SRC | PLLCFGR_M(PLL_M) | PLLCFGR_N(PLL_N) |
                                    PLLCFGR_P(PLL_DIVIDE) | PLLCFGR_Q(PLL_Q) |
                                    PLLCFGR_R_AFTER_RESET);
    register_set(RCC_CR, CR_PLLON);

    /* "Entering Over-drive mode": while the core runs by HSI still. */
    if (OVER_DRIVE) {
        clock_enable(RCC_APB1ENR, APB1ENR_PWREN);
        register_set(PWR_CR1, CR1_ODEN);
        register_wait(PWR_CSR1, CSR1_ODRDY, CSR1_ODRDY);
        register_set(PWR_CR1, CR1_ODSWEN);
        register_wait(PWR_CSR1, CSR1_ODSWRDY, CSR1_ODSWRDY);
    }

    /* "Increasing the CPU frequency": the wait states first, and read back. */
    register_change(FLASH_ACR, ACR_LATENCY, WAIT_STATES);
    register_wait(FLASH_ACR, ACR_LATENCY, WAIT_STATES);

    /* "RCC clock configuration register": APB1 up to 54 MHz, APB2 up to 108 MHz. */
    register_change(RCC_CFGR, CFGR_PRESCALERS, CFGR_PPRE1_DIV_4 | CFGR_PPRE2_DIV_2);
    register_wait(RCC_CR, CR_PLLRDY, CR_PLLRDY);
    register_change(RCC_CFGR, CFGR_SW, CFGR_SW_PLL);
    register_wait(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL);
}

void port_init(void) {
    caches_start();
    led_start();
    clocks();
    timing_start();
    line_start();
    led_off();
}
