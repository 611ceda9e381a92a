/* Port for ST's STM32U575 and its kin: the clock that the board's clock_hz wishes, one USART,
 * received by interrupt, the instruction cache on, by LDO or SMPS.
 *
 * Registers are named as in ST's reference manual RM0456, whose sections the comments name. How PLL
 * and flash are set is computed from clocks/stm32u5.toml, and comes as macros. The LED is on until
 * the board is ready: if it stays on, port_init waits for a clock or a voltage that does not come.
 */
#include "port.h"

#include "chip.h"
#include "clock.h"
#include "cpu.h"
#include "line.h"
#include "pins.h"
#include "pll.h"
#include "timing.h"

/* Memory map and register boundary addresses. */
#define PWR 0x46020800u
#define FLASH 0x40022000u
#define ICACHE 0x40030400u

/* Power control registers. */
#define PWR_CR3 (PWR + 0x08)
#define CR3_REGSEL (1u << 1) /* SMPS, not LDO */
#define PWR_VOSR (PWR + 0x0C)
#define VOSR_BOOSTRDY (1u << 14)
#define VOSR_VOSRDY (1u << 15)
#define VOSR_VOS_RANGE_1 (3u << 16)
#define VOSR_BOOSTEN (1u << 18)
#define PWR_DBPR (PWR + 0x28)
#define DBPR_DBP (1u << 0) /* the backup domain may be written */
#define PWR_SVMSR (PWR + 0x3C)
#define SVMSR_REGS (1u << 1)

/* Flash access control register. */
#define FLASH_ACR (FLASH + 0x00)
#define ACR_LATENCY 0xFu
#define ACR_PRFTEN (1u << 8)

/* Instruction cache registers. */
#define ICACHE_CR (ICACHE + 0x00)
#define CR_EN (1u << 0)
#define ICACHE_SR (ICACHE + 0x04)
#define SR_BUSYF (1u << 0)

/* Reset and clock control registers. */
#define CR_MSISRDY (1u << 2)
#define CR_MSIPLLEN (1u << 3)
#define CR_MSIPLLSEL (1u << 6) /* MSIS is trimmed, not MSIK */
#define CR_HSION (1u << 8)
#define CR_HSIRDY (1u << 10)
#define RCC_CFGR1 (RCC + 0x1C)
#define CFGR1_SW 3u
#define CFGR1_SW_PLL1 3u
#define CFGR1_SWS (3u << 2)
#define CFGR1_SWS_PLL1 (3u << 2)
#define RCC_PLL1CFGR (RCC + 0x28)
#if defined PLL_FROM_MSI
#define PLL1CFGR_SRC 1u
#elif defined PLL_FROM_HSI
#define PLL1CFGR_SRC 2u
#else
#define PLL1CFGR_SRC 3u
#endif
#define PLL1CFGR_RGE (PLL_SOURCE_HZ / PLL_M >= 8000000u ? 3u << 2 : 0u) /* 8 to 16, 4 to 8 MHz */
#define PLL1CFGR_M(n) (((n) - 1u) << 8)
/* What the booster of the core's regulator takes of the same source, at most 16 MHz: / 1, 2 or 4.
 */
#define PLL1CFGR_MBOOST                                                                            \
    (PLL_SOURCE_HZ > 32000000u ? 2u << 12 : PLL_SOURCE_HZ > 16000000u ? 1u << 12 : 0u)
#define PLL1CFGR_REN (1u << 18)
#define RCC_PLL1DIVR (RCC + 0x34)
#define PLL1DIVR_N(n) ((n) - 1u)
#define PLL1DIVR_P_DIV_2 (1u << 9)
#define PLL1DIVR_Q_DIV_2 (1u << 16)
#define PLL1DIVR_R(n) (((n) - 1u) << 24)
#define RCC_BDCR (RCC + 0xF0)
#define BDCR_LSEON (1u << 0)
#define BDCR_LSERDY (1u << 1)
#define BDCR_LSESYSEN (1u << 7)
#define BDCR_LSESYSRDY (1u << 11)
#define AHB3ENR_PWREN (1u << 2)

__attribute__((section(".interrupts"), used)) const Handler stm32u5_interrupts[] = {
    [61] = line_interrupt,
    [62] = line_interrupt,
    [63] = line_interrupt,
};

/* Start what feeds the PLL. MSIS has 4 MHz after reset, and is trimmed by the crystal LSE. */
static void source(void) {
#if defined PLL_FROM_MSI
    /* "LSE clock": the backup domain is write-protected after reset; the system takes LSE only when
     * it is let through. */
    register_set(PWR_DBPR, DBPR_DBP);
    register_set(RCC_BDCR, BDCR_LSEON);
    register_wait(RCC_BDCR, BDCR_LSERDY, BDCR_LSERDY);
    register_set(RCC_BDCR, BDCR_LSESYSEN);
    register_wait(RCC_BDCR, BDCR_LSESYSRDY, BDCR_LSESYSRDY);

    /* "MSI clock", hardware auto calibration: which of the two, then on. */
    register_wait(RCC_CR, CR_MSISRDY, CR_MSISRDY);
    register_set(RCC_CR, CR_MSIPLLSEL);
    register_set(RCC_CR, CR_MSIPLLEN);
#elif defined PLL_FROM_HSI
    register_set(RCC_CR, CR_HSION);
    register_wait(RCC_CR, CR_HSIRDY, CR_HSIRDY);
#else
    hse_on();
    register_wait(RCC_CR, CR_HSERDY, CR_HSERDY);
#endif
}

/* From the 4 MHz of MSIS after reset, at voltage range 4, to CLOCK_HZ at range 1. */
static void clocks(void) {
    clock_enable(RCC_AHB3ENR, AHB3ENR_PWREN);
#ifdef SMPS
    /* "SMPS and LDO embedded regulators": changed on the fly, before the voltage is. */
    register_set(PWR_CR3, CR3_REGSEL);
    register_wait(PWR_SVMSR, SVMSR_REGS, SVMSR_REGS);
#endif
    /* "Dynamic voltage scaling management": range 1, and seen to be there. */
    register_set(PWR_VOSR, VOSR_VOS_RANGE_1);
    register_wait(PWR_VOSR, VOSR_VOSRDY, VOSR_VOSRDY);

    source();

    /* "PLL1": configured while it is off. */
    register_write(RCC_PLL1CFGR, PLL1CFGR_SRC | PLL1CFGR_RGE | PLL1CFGR_M(PLL_M) | PLL1CFGR_MBOOST |
                                     PLL1CFGR_REN);
    register_write(RCC_PLL1DIVR, PLL1DIVR_N(PLL_N) | PLL1DIVR_P_DIV_2 | PLL1DIVR_Q_DIV_2 |
                                     PLL1DIVR_R(PLL_DIVIDE));
    /* "EPOD booster": its source and divider are set, and it is ready, before 55 MHz. */
    if (CLOCK_HZ > 55000000) {
        register_set(PWR_VOSR, VOSR_BOOSTEN);
        register_wait(PWR_VOSR, VOSR_BOOSTRDY, VOSR_BOOSTRDY);
    }
    register_set(RCC_CR, CR_PLLON);
    register_wait(RCC_CR, CR_PLLRDY, CR_PLLRDY);

    /* "Read access latency": the wait states before the frequency, and read back. */
    register_change(FLASH_ACR, ACR_LATENCY, WAIT_STATES | ACR_PRFTEN);
    (void)register_read(FLASH_ACR);
    register_change(RCC_CFGR1, CFGR1_SW, CFGR1_SW_PLL1);
    register_wait(RCC_CFGR1, CFGR1_SWS, CFGR1_SWS_PLL1);

    /* "ICACHE enable": once it has emptied itself, as it does after reset. */
    register_wait(ICACHE_SR, SR_BUSYF, 0);
    register_set(ICACHE_CR, CR_EN);
}

void port_init(void) {
    led_start();
    clocks();
    timing_start();
    line_start();
    led_off();
}
