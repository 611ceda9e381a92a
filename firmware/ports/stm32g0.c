/* Port for ST's STM32G0: the clock that the board's clock_hz wishes, one USART, received by
 * interrupt.
 *
 * Registers are named as in ST's reference manual RM0444, whose sections the comments name. How PLL
 * and flash are set is computed from clocks/stm32g0.toml, and comes as macros. The LED is on until
 * the board is ready: if it stays on, port_init waits for a clock.
 */
#include "port.h"

#include "chip.h"
#include "clock.h"
#include "cpu.h"
#include "line.h"
#include "pins.h"
#include "pll.h"
#include "timing.h"

/* "FLASH access control register". */
#define FLASH_ACR 0x40022000u
#define ACR_LATENCY 0x7u
#define ACR_PRFTEN (1u << 8)
#define ACR_ICEN (1u << 9)

/* "RCC registers". */
#define RCC_CFGR (RCC + 0x08)
#define CFGR_SW 7u
#define CFGR_SW_PLLRCLK 2u
#define CFGR_SWS (7u << 3)
#define CFGR_SWS_PLLRCLK (2u << 3)
#define RCC_PLLCFGR (RCC + 0x0C)
#ifdef PLL_FROM_HSE
#define PLLCFGR_SRC 3u
#else
#define PLLCFGR_SRC 2u /* HSI16, which runs after reset */
#endif
#define PLLCFGR_M(n) (((n) - 1u) << 4)
#define PLLCFGR_N(n) ((n) << 8)
#define PLLCFGR_REN (1u << 28)
#define PLLCFGR_R(n) (((n) - 1u) << 29)

__attribute__((section(".interrupts"), used)) const Handler stm32g0_interrupts[] = {
    [27] = line_interrupt,
    [28] = line_interrupt,
};

/* From the 16 MHz of HSI16 after reset, in voltage range 1, to CLOCK_HZ. */
static void clocks(void) {
#ifdef PLL_FROM_HSE
    hse_on();
    register_wait(RCC_CR, CR_HSERDY, CR_HSERDY);
#endif

    /* "PLL": configured while it is off; output R is the core's. */
    register_write(RCC_PLLCFGR, PLLCFGR_SRC | PLLCFGR_M(PLL_M) | PLLCFGR_N(PLL_N) | PLLCFGR_REN |
                                    PLLCFGR_R(PLL_DIVIDE));
    register_set(RCC_CR, CR_PLLON);
    register_wait(RCC_CR, CR_PLLRDY, CR_PLLRDY);

    /* "Increasing the CPU frequency": the wait states first, and read back. */
    register_change(FLASH_ACR, ACR_LATENCY, WAIT_STATES | ACR_PRFTEN | ACR_ICEN);
    register_wait(FLASH_ACR, ACR_LATENCY, WAIT_STATES);
    register_change(RCC_CFGR, CFGR_SW, CFGR_SW_PLLRCLK);
    register_wait(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLLRCLK);
}

void port_init(void) {
    led_start();
    clocks();
    timing_start();
    line_start();
    led_off();
}
