/* Port for ST's STM32H7A3 and H7B3: the clock that the board's clock_hz wishes, one USART, received
 * by interrupt, both caches on, by SMPS or LDO.
 *
 * Registers are named as in ST's reference manual RM0455, whose sections the comments name. How PLL
 * and flash are set is computed from clocks/stm32h7a3.toml, and comes as macros. The LED is on
 * until the board is ready: if it stays on, port_init waits for a clock or a voltage.
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

/* Memory map and register boundary addresses. */
#define PWR 0x58024800u
#define FLASH 0x52002000u

/* Power control registers. */
#define PWR_CSR1 (PWR + 0x04)
#define CSR1_ACTVOSRDY (1u << 13)
#define PWR_CR3 (PWR + 0x0C)
#define CR3_SUPPLIES 7u
#define CR3_LDOEN (1u << 1)
#define CR3_SMPSEN (1u << 2)
#define PWR_SRDCR (PWR + 0x18)
#define SRDCR_VOSRDY (1u << 13)
#define SRDCR_VOS (3u << 14)
/* The places in the tree are scale 3, 2, 1 and 0, and so are the codes. */
#define SRDCR_VOS_SCALE ((uint32_t)SUPPLY << 14)

/* Flash access control register. */
#define FLASH_ACR (FLASH + 0x00)
#define ACR_LATENCY 0xFu
#define ACR_WRHIGHFREQ (3u << 4)
/* Of writes, of which there are none: as high as any table has it. */
#define ACR_DELAY ((WAIT_STATES + 1u) / 2u << 4)

/* Reset and clock control registers. */
#define RCC_CFGR (RCC + 0x10)
#define CFGR_SW 7u
#define CFGR_SW_PLL1 3u
#define CFGR_SWS (7u << 3)
#define CFGR_SWS_PLL1 (3u << 3)
#define RCC_CDCFGR1 (RCC + 0x18)
#define RCC_CDCFGR2 (RCC + 0x1C)
#define RCC_SRDCFGR (RCC + 0x20)
#define PPRE_DIV_2 (4u << 4)  /* CDPPRE, CDPPRE1, SRDPPRE */
#define PPRE2_DIV_2 (4u << 8) /* CDPPRE2 */
#define RCC_PLLCKSELR (RCC + 0x28)
#ifdef PLL_FROM_HSE
#define PLLCKSELR_SRC 2u
#else
#define PLLCKSELR_SRC 0u /* HSI, which runs after reset */
#endif
#define PLLCKSELR_M(n) ((n) << 4)
#define RCC_PLLCFGR (RCC + 0x2C)
#define INPUT_HZ (PLL_SOURCE_HZ / PLL_M)
#define PLLCFGR_RGE                                                                                \
    (INPUT_HZ >= 8000000u ? 3u << 2 : INPUT_HZ >= 4000000u ? 2u << 2 : 1u << 2) /* of the input */
#define PLLCFGR_DIVP1EN (1u << 16)
#define RCC_PLL1DIVR (RCC + 0x30)
#define PLL1DIVR_N(n) ((n) - 1u)
#define PLL1DIVR_P(n) (((n) - 1u) << 9)
#define PLL1DIVR_Q_DIV_2 (1u << 16)
#define PLL1DIVR_R_DIV_2 (1u << 24)

__attribute__((section(".interrupts"), used)) const Handler stm32h7_interrupts[] = {
    [37] = line_interrupt,
    [38] = line_interrupt,
    [39] = line_interrupt,
};

/* From the 64 MHz of HSI after reset, at voltage scale 3, to CLOCK_HZ. */
static void clocks(void) {
    /* "System supply startup": CR3 is written once after a reset of the supply, before the voltage
     * is changed. */
#ifdef SMPS
    register_change(PWR_CR3, CR3_SUPPLIES, CR3_SMPSEN);
#else
    register_change(PWR_CR3, CR3_SUPPLIES, CR3_LDOEN);
#endif
    register_wait(PWR_CSR1, CSR1_ACTVOSRDY, CSR1_ACTVOSRDY);

    /* "Dynamic voltage scaling": the voltage before the frequency. */
    register_change(PWR_SRDCR, SRDCR_VOS, SRDCR_VOS_SCALE);
    register_wait(PWR_SRDCR, SRDCR_VOSRDY, SRDCR_VOSRDY);

#ifdef PLL_FROM_HSE
    hse_on();
    register_wait(RCC_CR, CR_HSERDY, CR_HSERDY);
#endif

    /* "PLL initialization phase": configured while it is off, with the wide VCO. */
    register_write(RCC_PLLCKSELR, PLLCKSELR_SRC | PLLCKSELR_M(PLL_M));
    register_write(RCC_PLLCFGR, PLLCFGR_RGE | PLLCFGR_DIVP1EN);
    register_write(RCC_PLL1DIVR, PLL1DIVR_N(PLL_N) | PLL1DIVR_P(PLL_DIVIDE) | PLL1DIVR_Q_DIV_2 |
                                     PLL1DIVR_R_DIV_2);
    register_set(RCC_CR, CR_PLLON);
    register_wait(RCC_CR, CR_PLLRDY, CR_PLLRDY);

    /* "FLASH read operations": the wait states before the frequency, and read back. HSI after reset
     * may be the faster clock: then they come after it. */
    if (CLOCK_HZ >= 64000000) {
        register_change(FLASH_ACR, ACR_LATENCY | ACR_WRHIGHFREQ, WAIT_STATES | ACR_DELAY);
        (void)register_read(FLASH_ACR);
    }
    /* The buses of the peripherals have 140 MHz at most. */
    register_set(RCC_CDCFGR1, PPRE_DIV_2);
    register_set(RCC_CDCFGR2, PPRE_DIV_2 | PPRE2_DIV_2);
    register_set(RCC_SRDCFGR, PPRE_DIV_2);
    register_change(RCC_CFGR, CFGR_SW, CFGR_SW_PLL1);
    register_wait(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL1);
    if (CLOCK_HZ < 64000000) {
        register_change(FLASH_ACR, ACR_LATENCY | ACR_WRHIGHFREQ, WAIT_STATES | ACR_DELAY);
    }
}

void port_init(void) {
    caches_start();
    led_start();
    clocks();
    timing_start();
    line_start();
    led_off();
}
