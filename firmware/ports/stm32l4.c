/* Port for ST's STM32L4 and L4+ (STM32L4R5, L475 and their kin): 48 to 120 MHz, as the board's
 * clock_hz says, one USART, received by interrupt.
 *
 * Registers are named as in ST's reference manual RM0432, whose sections the comments name; the
 * frequencies and latencies are those of the STM32L4R5 data sheet, DS12023, up to 80 MHz those of
 * the STM32L4x5 (RM0351), which are stricter. The LED is on until the board is ready: if it stays
 * on, port_init waits for a clock that does not come.
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

#if CLOCK_HZ < 48000000 || CLOCK_HZ > 120000000 || CLOCK_HZ % 4000000 != 0
#error "this port runs at multiples of 4 MHz from 48 to 120 MHz: the board's clock_hz is another"
#endif
#define BOOST (CLOCK_HZ > 80000000) /* which the STM32L4+ has */

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
/* "Read access latency": one for each 20 MHz in boost mode, for each 16 MHz in range 1 of an L4. */
#define WAIT_STATES ((CLOCK_HZ - 1u) / (BOOST ? 20000000u : 16000000u))

/* Reset and clock control registers. */
#define RCC_CR (RCC + 0x00)
#define CR_MSIRDY (1u << 1)
#define CR_MSIPLLEN (1u << 2) /* trim MSI by LSE */
#define CR_MSIRGSEL (1u << 3) /* the range below counts */
#define CR_MSIRANGE (0xFu << 4)
#define CR_MSIRANGE_48_MHZ (11u << 4)
#define CR_PLLON (1u << 24)
#define CR_PLLRDY (1u << 25)
#define RCC_CFGR (RCC + 0x08)
#define CFGR_SW 3u
#define CFGR_SW_PLL 3u
#define CFGR_SWS_PLL (3u << 2)
#define CFGR_HPRE (0xFu << 4)
#define CFGR_HPRE_DIV_2 (8u << 4)
#define RCC_PLLCFGR (RCC + 0x0C)
#define PLLCFGR_SRC_MSI 1u
#define PLLCFGR_M(n) (((n) - 1u) << 4)
#define PLLCFGR_N(n) ((n) << 8)
#define PLLCFGR_REN (1u << 24)
#define PLLCFGR_R_DIV_2 (0u << 25)
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
    [70] = line_interrupt,
};

/* From the 4 MHz of MSI after reset to CLOCK_HZ: MSI at 48 MHz, trimmed by the crystal LSE to
 * 48.005 MHz (DS12023, MSI in PLL mode), / 6 * (CLOCK_HZ / 4 MHz) / 2. That is right to 0.011 %. */
static void clocks(void) {
    clock_enable(RCC_APB1ENR1, APB1ENR1_PWREN);

    /* "Read access latency": the wait states before the frequency, and read back. */
    register_change(FLASH_ACR, ACR_LATENCY, WAIT_STATES | ACR_PRFTEN | ACR_ICEN | ACR_DCEN);
    (void)register_read(FLASH_ACR);

    /* "LSE clock": the backup domain is write-protected after reset. */
    register_set(PWR_CR1, CR1_DBP);
    register_set(RCC_BDCR, BDCR_LSEON);
    register_wait(RCC_BDCR, BDCR_LSERDY, BDCR_LSERDY);

    /* "MSI clock": a range may be chosen while MSI is ready, trimming while LSE is. */
    register_wait(RCC_CR, CR_MSIRDY, CR_MSIRDY);
    register_change(RCC_CR, CR_MSIRANGE, CR_MSIRANGE_48_MHZ | CR_MSIRGSEL);
    register_wait(RCC_CR, CR_MSIRDY, CR_MSIRDY);
    register_set(RCC_CR, CR_MSIPLLEN);

    /* "PLL": configured while it is off. Its input is 8 MHz, the VCO runs at twice CLOCK_HZ. */
    register_write(RCC_PLLCFGR, PLLCFGR_SRC_MSI | PLLCFGR_M(6u) | PLLCFGR_N(CLOCK_HZ / 4000000u) |
                                    PLLCFGR_R_DIV_2 | PLLCFGR_REN);
    register_set(RCC_CR, CR_PLLON);

    /* "Dynamic voltage scaling management": range 1, then boost, before more than 80 MHz; and the
     * step to it in two halves, with 1 us between. */
    register_change(PWR_CR1, CR1_VOS, CR1_VOS_RANGE_1);
    register_wait(PWR_SR2, SR2_VOSF, 0);
    if (BOOST) {
        register_change(PWR_CR5, CR5_R1MODE, 0);
    }
    register_wait(RCC_CR, CR_PLLRDY, CR_PLLRDY);
    register_change(RCC_CFGR, CFGR_HPRE, CFGR_HPRE_DIV_2);
    register_change(RCC_CFGR, CFGR_SW, CFGR_SW_PLL);
    register_wait(RCC_CFGR, CFGR_SWS_PLL, CFGR_SWS_PLL);
    for (uint32_t reads = 0; reads < 60; reads++) { /* a read is a cycle of 60 MHz, or more */
        (void)register_read(RCC_CFGR);
    }
    register_change(RCC_CFGR, CFGR_HPRE, 0);
}

bool port_takes_baud(uint32_t baud) {
    if (baud == 0) {
        return true;
    }
    if (baud < 2000 || baud > 4000000) { /* so that the divider has 16 bits; the ST-LINK's most */
        return false;
    }
    /* The LPUART's has 20 bits, and is 0x300 at least. */
    return NUMBER != LPUART || line_divider(baud) <= 0xFFFFF;
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
