/* Port for ST's STM32F405, F411, F446 and their kin: the clock that the board's clock_hz wishes,
 * one USART, received by interrupt.
 *
 * Registers are named as in ST's reference manual RM0090, whose sections the comments name. How PLL
 * and flash are set is computed from clocks/stm32f4*.toml, and comes as macros. The LED is on until
 * the board is ready. If it stays on, a clock did not come: the chip runs on at 16 MHz, and no host
 * at the rate of the line hears it.
 */
#include "port.h"

#include "chip.h"
#include "clock.h"
#include "cpu.h"
#include "line.h"
#include "pins.h"
#include "timing.h"
#include "wake.h"

#include "pll.h"

#define OVER_DRIVE (SUPPLY == 1) /* above 168 MHz, which the F42x, F43x and F446 reach by it */

/* Memory map. */
#define PWR 0x40007000u
#define FLASH 0x40023C00u

/* Power control registers. */
#define PWR_CR (PWR + 0x00)
#define CR_VOS (1u << 14) /* scale 1; an F446 has a second bit, which is set after reset */
#define CR_ODEN (1u << 16)
#define CR_ODSWEN (1u << 17)
#define PWR_CSR (PWR + 0x04)
#define CSR_ODRDY (1u << 16)
#define CSR_ODSWRDY (1u << 17)

/* Flash access control register. */
#define FLASH_ACR (FLASH + 0x00)
#define ACR_LATENCY 0x7u
#define ACR_PRFTEN (1u << 8)
#define ACR_ICEN (1u << 9)
#define ACR_DCEN (1u << 10)

/* Reset and clock control registers. */
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
#define RCC_CFGR (RCC + 0x08)
#define CFGR_SW 3u
#define CFGR_SW_PLL 2u
#define CFGR_SWS (3u << 2)
#define CFGR_SWS_PLL (2u << 2)
#define CFGR_PRESCALERS (0xFu << 4 | 0x3Fu << 10)
#define PLL_Q ((PLL_DIVIDE * CLOCK_HZ + 47999999u) / 48000000u) /* USB's: at most 48 MHz */
#define CFGR_PPRE1_DIV_4 (5u << 10)
#define CFGR_PPRE2_DIV_2 (4u << 13)
#define APB1ENR_PWREN (1u << 28)

#define READS_MAX 250000u /* 100 ms or more; a crystal needs some 2 ms, the PLL 0.3 ms */

__attribute__((section(".interrupts"), used)) const Handler stm32f4_interrupts[] = {
    [37] = line_interrupt,
    [38] = line_interrupt,
    [39] = line_interrupt,
    [71] = line_interrupt,
};

/* From the 16 MHz of HSI after reset to CLOCK_HZ. Returns whether all said that they are ready. */
static bool clocks(void) {
    bool ready = true;
#ifdef PLL_FROM_HSE
    hse_on();
    ready = register_comes(RCC_CR, CR_HSERDY, CR_HSERDY, READS_MAX);
#endif

    /* "Voltage regulator": scale 1, chosen while the PLL is off. */
    clock_enable(RCC_APB1ENR, APB1ENR_PWREN);
    register_set(PWR_CR, CR_VOS);

    /* "PLL configuration": while it is off. Q, for USB, must be 2 at least. */
    register_write(RCC_PLLCFGR, PLLCFGR_SRC | PLLCFGR_M(PLL_M) | PLLCFGR_N(PLL_N) |
                                    PLLCFGR_P(PLL_DIVIDE) | PLLCFGR_Q(PLL_Q));
    register_set(RCC_CR, CR_PLLON);

    /* "Entering Over-drive mode": while the core runs by HSI still. */
    if (OVER_DRIVE) {
        register_set(PWR_CR, CR_ODEN);
        ready &= register_comes(PWR_CSR, CSR_ODRDY, CSR_ODRDY, READS_MAX);
        register_set(PWR_CR, CR_ODSWEN);
        ready &= register_comes(PWR_CSR, CSR_ODSWRDY, CSR_ODSWRDY, READS_MAX);
    }

    /* "Increasing the CPU frequency": the wait states first, and read back. */
    register_change(FLASH_ACR, ACR_LATENCY, WAIT_STATES | ACR_PRFTEN | ACR_ICEN | ACR_DCEN);
    (void)register_read(FLASH_ACR);

    /* "RCC clock configuration register": APB1 up to 42 MHz, APB2 up to
     * 84 MHz; 45 and 90 MHz with over-drive. */
    register_change(RCC_CFGR, CFGR_PRESCALERS, CFGR_PPRE1_DIV_4 | CFGR_PPRE2_DIV_2);
    ready &= register_comes(RCC_CR, CR_PLLRDY, CR_PLLRDY, READS_MAX);
    register_change(RCC_CFGR, CFGR_SW, CFGR_SW_PLL);
    ready &= register_comes(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL, READS_MAX);
    return ready;
}

void port_init(void) {
    led_start();
    bool ready = clocks();
    timing_start();
    wake_start();
    line_start();
    if (ready) {
        led_off();
    }
}
