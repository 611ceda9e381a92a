/* Port for ST's STM32L4 and L4+ (STM32L4R5, L475 and their kin): the clock that the board's
 * clock_hz wishes, one USART, received by interrupt.
 *
 * Registers are named as in ST's reference manual RM0432, whose sections the comments name. How PLL
 * and flash are set is computed from clocks/stm32l4.toml or stm32l4plus.toml, and comes as macros.
 * The LED is on until the board is ready: if it stays on, port_init waits for a clock that does not
 * come.
 */
#include "port.h"

#include "chip.h"
#include "clock.h"
#include "cpu.h"
#include "line.h"
#include "pins.h"
#include "sai.h"
#include "timing.h"
#include "wake.h"

#include "pll.h"

#define BOOST (SUPPLY == 1) /* range 1 in boost mode, which the STM32L4+ has above 80 MHz */

/* Memory map and register boundary addresses. */
#define PWR 0x40007000u
#define FLASH 0x40022000u

/* Port G has a supply of its own, which is declared to be there. */
#define PORT_G 6
#if TX_PIN / 16 == PORT_G || RX_PIN / 16 == PORT_G || LED_PIN / 16 == PORT_G ||                    \
    (defined TB_ENERGY && TIMING_PIN / 16 == PORT_G) ||                                            \
    (defined TB_STREAM && defined WAKE_PIN &&                                                      \
     (WAKE_PIN / 16 == PORT_G || BUSY_PIN / 16 == PORT_G))
#define USES_PORT_G 1
#else
#define USES_PORT_G 0
#endif

/* Power control registers. */
#define PWR_CR1 (PWR + 0x00)
#define CR1_VOS (3u << 9)
#define CR1_VOS_RANGE_1 (1u << 9)
#define CR1_DBP (1u << 8) /* the backup domain may be written */
#define PWR_CR2 (PWR + 0x04)
#define CR2_IOSV (1u << 9) /* VDDIO2 is there */
#define PWR_SR2 (PWR + 0x14)
#define SR2_VOSF (1u << 10) /* the voltage is changing */
#define PWR_CR5 (PWR + 0x80)
#define CR5_R1MODE (1u << 8) /* 0: range 1 in boost mode */

/* Flash access control register. */
#define FLASH_ACR (FLASH + 0x00)
#define ACR_LATENCY 0xFu
#define ACR_PRFTEN (1u << 8)
#define ACR_ICEN (1u << 9)
#define ACR_DCEN (1u << 10)
#if defined PLL_FROM_MSI && SOURCE_WAIT_STATES > WAIT_STATES
#define FIRST_WAIT_STATES SOURCE_WAIT_STATES
#else
#define FIRST_WAIT_STATES WAIT_STATES
#endif

/* Reset and clock control registers. */
#define CR_MSIRDY (1u << 1)
#define CR_MSIPLLEN (1u << 2) /* trim MSI by LSE */
#define CR_MSIRGSEL (1u << 3) /* the range below counts */
#define CR_MSIRANGE (0xFu << 4)
#define CR_MSIRANGE_CODE(hz)                                                                       \
    ((hz) == 4000000u    ? 6u << 4                                                                 \
     : (hz) == 8000000u  ? 7u << 4                                                                 \
     : (hz) == 16000000u ? 8u << 4                                                                 \
     : (hz) == 24000000u ? 9u << 4                                                                 \
     : (hz) == 32000000u ? 10u << 4                                                                \
                         : 11u << 4) /* 48 MHz */
#define CR_HSION (1u << 8)
#define CR_HSIRDY (1u << 10)
#define RCC_CFGR (RCC + 0x08)
#define CFGR_SW 3u
#define CFGR_SW_PLL 3u
#define CFGR_SWS_PLL (3u << 2)
#define CFGR_HPRE (0xFu << 4)
#define CFGR_HPRE_DIV_2 (8u << 4)
#define RCC_PLLCFGR (RCC + 0x0C)
#if defined PLL_FROM_MSI
#define PLLCFGR_SRC 1u
#elif defined PLL_FROM_HSI
#define PLLCFGR_SRC 2u
#else
#define PLLCFGR_SRC 3u
#endif
#define PLLCFGR_M(n) (((n) - 1u) << 4)
#define PLLCFGR_N(n) ((n) << 8)
#define PLLCFGR_REN (1u << 24)
#define PLLCFGR_R(n) (((n) / 2u - 1u) << 25)
#define APB1ENR1_PWREN (1u << 28)
#define RCC_BDCR (RCC + 0x90)
#define BDCR_LSEON (1u << 0)
#define BDCR_LSERDY (1u << 1)

__attribute__((section(".interrupts"), used)) const Handler stm32l4_interrupts[] = {
#ifdef HAS_SAI
    [DMA1_CHANNEL_1_INTERRUPT] = sai_interrupt,
#endif
    [37] = line_interrupt,
    [38] = line_interrupt,
    [39] = line_interrupt,
    [52] = line_interrupt,
    [70] = line_interrupt,
};

/* Start what feeds the PLL. MSI is trimmed by the crystal LSE: at 48 MHz to 48.005 MHz (DS12023,
 * MSI in PLL mode), which is right to 0.011 %. */
static void source(void) {
#if defined PLL_FROM_MSI
    /* "LSE clock": the backup domain is write-protected after reset. */
    register_set(PWR_CR1, CR1_DBP);
    register_set(RCC_BDCR, BDCR_LSEON);
    register_wait(RCC_BDCR, BDCR_LSERDY, BDCR_LSERDY);

    /* "MSI clock": a range may be chosen while MSI is ready, trimming while LSE is. */
    register_wait(RCC_CR, CR_MSIRDY, CR_MSIRDY);
    register_change(RCC_CR, CR_MSIRANGE, CR_MSIRANGE_CODE(PLL_SOURCE_HZ) | CR_MSIRGSEL);
    register_wait(RCC_CR, CR_MSIRDY, CR_MSIRDY);
    register_set(RCC_CR, CR_MSIPLLEN);
#elif defined PLL_FROM_HSI
    register_set(RCC_CR, CR_HSION);
    register_wait(RCC_CR, CR_HSIRDY, CR_HSIRDY);
#else
    hse_on();
    register_wait(RCC_CR, CR_HSERDY, CR_HSERDY);
#endif
}

/* From the 4 MHz of MSI after reset to CLOCK_HZ. */
static void clocks(void) {
    clock_enable(RCC_APB1ENR1, APB1ENR1_PWREN);

    /* "Read access latency": the wait states before the frequency, and read back. The core runs by
     * MSI until the PLL is ready, and MSI may be faster. */
    register_change(FLASH_ACR, ACR_LATENCY, FIRST_WAIT_STATES | ACR_PRFTEN | ACR_ICEN | ACR_DCEN);
    (void)register_read(FLASH_ACR);

    source();

    /* "PLL": configured while it is off. */
    register_write(RCC_PLLCFGR, PLLCFGR_SRC | PLLCFGR_M(PLL_M) | PLLCFGR_N(PLL_N) |
                                    PLLCFGR_R(PLL_DIVIDE) | PLLCFGR_REN);
    register_set(RCC_CR, CR_PLLON);

    /* "Dynamic voltage scaling management": range 1, then boost, before more than 80 MHz; and the
     * step to it in two halves, with 1 us between. */
    register_change(PWR_CR1, CR1_VOS, CR1_VOS_RANGE_1);
    register_wait(PWR_SR2, SR2_VOSF, 0);
    if (BOOST) {
        register_change(PWR_CR5, CR5_R1MODE, 0);
    }
    register_wait(RCC_CR, CR_PLLRDY, CR_PLLRDY);
    if (CLOCK_HZ > 80000000) {
        register_change(RCC_CFGR, CFGR_HPRE, CFGR_HPRE_DIV_2);
    }
    register_change(RCC_CFGR, CFGR_SW, CFGR_SW_PLL);
    register_wait(RCC_CFGR, CFGR_SWS_PLL, CFGR_SWS_PLL);
    if (CLOCK_HZ > 80000000) {
        for (uint32_t reads = 0; reads < 60; reads++) { /* a read is a cycle of 60 MHz, or more */
            (void)register_read(RCC_CFGR);
        }
        register_change(RCC_CFGR, CFGR_HPRE, 0);
    }
    if (FIRST_WAIT_STATES > WAIT_STATES) { /* on the way down the frequency comes first */
        register_change(FLASH_ACR, ACR_LATENCY, WAIT_STATES);
    }
}

void port_init(void) {
    led_start();
    clocks();
    if (USES_PORT_G) {
        register_set(PWR_CR2, CR2_IOSV); /* "Independent I/O supply rail" */
    }
    timing_start();
    wake_start();
    line_start();
    led_off();
}
