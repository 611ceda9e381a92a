/* Port for ST's STM32L4+ (STM32L4R5 and its kin): 120 MHz, one USART, received by interrupt.
 *
 * Registers are named as in ST's reference manual RM0432, whose sections the comments name; the
 * frequencies and latencies are those of the STM32L4R5 data sheet, DS12023. The LED is on until the
 * board is ready: if it stays on, port_init waits for a clock that does not come.
 */
#include "port.h"

#include "cpu.h"
#include "received.h"
#include "systick.h"

#if !defined USART || !defined USART_TX_PIN || !defined USART_RX_PIN || !defined LED_PIN
#error "the board's declaration lacks usart, usart_tx_pin, usart_rx_pin or led_pin in [port]"
#endif
#ifdef TB_ENERGY
#if !defined ENERGY_USART || !defined ENERGY_TX_PIN || !defined ENERGY_RX_PIN || !defined TIMING_PIN
#error "the board's declaration lacks energy_usart, energy_tx_pin, energy_rx_pin or timing_pin"
#endif
/* The interface board of energy mode talks to the Arduino pins, and slowly. */
#define NUMBER ENERGY_USART
#define TX_PIN ENERGY_TX_PIN
#define RX_PIN ENERGY_RX_PIN
#define FIRST_BAUD 9600u
#else
#define NUMBER USART
#define TX_PIN USART_TX_PIN
#define RX_PIN USART_RX_PIN
#define FIRST_BAUD 115200u
#endif
#if NUMBER > 3
#error "a usart of the board's declaration is none of 0 (LPUART1), 1, 2 and 3"
#endif
#if CLOCK_HZ != 120000000
#error "this port runs at 120 MHz: the board's clock_hz is another"
#endif

/* Memory map and register boundary addresses. */
#define PWR 0x40007000u
#define RCC 0x40021000u
#define FLASH 0x40022000u
#define GPIOA 0x48000000u
#define GPIO_SIZE_B 0x400u
#define PORT_G 6u

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
#define WAIT_STATES_120_MHZ 5u /* range 1 boost; DS12023, and RM0432 "Read access latency" */

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
#define RCC_AHB2ENR (RCC + 0x4C)
#define RCC_APB1ENR1 (RCC + 0x58)
#define APB1ENR1_PWREN (1u << 28)
#define RCC_APB1ENR2 (RCC + 0x5C)
#define RCC_APB2ENR (RCC + 0x60)
#define RCC_BDCR (RCC + 0x90)
#define BDCR_LSEON (1u << 0)
#define BDCR_LSERDY (1u << 1)

/* GPIO registers. */
#define GPIO_MODER 0x00u
#define MODE_OUTPUT 1u
#define MODE_ALTERNATE 2u
#define GPIO_OTYPER 0x04u
#define GPIO_PUPDR 0x0Cu
#define PULL_UP 1u
#define GPIO_BSRR 0x18u
#define GPIO_AFRL 0x20u

/* USART registers; those of the LPUART have the same places. */
#define USART_CR1 0x00u
#define CR1_UE (1u << 0)
#define CR1_RE (1u << 2)
#define CR1_TE (1u << 3)
#define CR1_RXNEIE (1u << 5)
#define USART_BRR 0x0Cu
#define USART_ISR 0x1Cu
#define ISR_ERRORS 0xFu /* PE, FE, NE, ORE, which ICR clears at the same places */
#define ISR_RXNE (1u << 5)
#define ISR_TC (1u << 6)
#define ISR_TXE (1u << 7)
#define USART_ICR 0x20u
#define USART_RDR 0x24u
#define USART_TDR 0x28u

typedef struct {
    uint32_t origin;
    uint32_t interrupt; /* "Vector table" */
    uint32_t enable;    /* the clock's register, and its bit there */
    uint32_t enable_bit;
    uint32_t alternate; /* DS12023, alternate function table */
} Usart;

/* By their number; 0 is the LPUART, which takes its BRR in 1/256 and no rate below 29297. */
#define LPUART 0
static const Usart usarts[] = {
    {0x40008000u, 70, RCC_APB1ENR2, 1u << 0, 8},
    {0x40013800u, 37, RCC_APB2ENR, 1u << 14, 7},
    {0x40004400u, 38, RCC_APB1ENR1, 1u << 17, 7},
    {0x40004800u, 39, RCC_APB1ENR1, 1u << 18, 7},
};
#define SERIAL (&usarts[NUMBER])

const uint32_t port_receive_b = RECEIVED_B;

static void usart_interrupt(void) {
    uint32_t status = register_read(SERIAL->origin + USART_ISR);
    if ((status & ISR_RXNE) != 0) {
        received_put((uint8_t)register_read(SERIAL->origin + USART_RDR));
    }
    if ((status & ISR_ERRORS) != 0) {
        register_write(SERIAL->origin + USART_ICR, status & ISR_ERRORS);
    }
}

__attribute__((section(".interrupts"), used)) const Handler stm32l4_interrupts[] = {
    [37] = usart_interrupt,
    [38] = usart_interrupt,
    [39] = usart_interrupt,
    [70] = usart_interrupt,
};

/* "Peripheral clock gating": two cycles pass until it runs, and reading the bit takes longer. */
static void clock_enable(uint32_t enable, uint32_t bits) {
    register_set(enable, bits);
    (void)register_read(enable);
}

/* Pins are named by one number: 16 times the port, A being 0, and the number in it. */
static uint32_t gpio(uint32_t pin) {
    return GPIOA + pin / 16 * GPIO_SIZE_B;
}

static void pin_set(uint32_t pin, bool high) {
    register_write(gpio(pin) + GPIO_BSRR, 1u << (pin % 16 + (high ? 0 : 16)));
}

/* Give the pin's port its clock, and pins of port G their supply; then its function. */
static void pin_enable(uint32_t pin, uint32_t mode) {
    clock_enable(RCC_AHB2ENR, 1u << pin / 16);
    if (pin / 16 == PORT_G) {
        register_set(PWR_CR2, CR2_IOSV); /* "Independent I/O supply rail" */
    }
    register_change(gpio(pin) + GPIO_MODER, 3u << pin % 16 * 2, mode << pin % 16 * 2);
}

static void pin_connect(uint32_t pin, uint32_t alternate) {
    clock_enable(RCC_AHB2ENR, 1u << pin / 16);
    uint32_t shift = pin % 8 * 4;
    register_change(gpio(pin) + GPIO_AFRL + pin % 16 / 8 * 4, 0xFu << shift, alternate << shift);
    pin_enable(pin, MODE_ALTERNATE);
}

/* From the 4 MHz of MSI after reset to 120 MHz: MSI at 48 MHz, trimmed by the crystal LSE to
 * 48.005 MHz (DS12023, MSI in PLL mode), / 6 * 30 / 2. That is right to 0.011 %. */
static void clocks(void) {
    clock_enable(RCC_APB1ENR1, APB1ENR1_PWREN);

    /* "Read access latency": the wait states before the frequency, and read back. */
    register_change(FLASH_ACR, ACR_LATENCY, WAIT_STATES_120_MHZ | ACR_PRFTEN | ACR_ICEN | ACR_DCEN);
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

    /* "PLL": configured while it is off. Its input is 8 MHz, the VCO runs at 240 MHz. */
    register_write(RCC_PLLCFGR, PLLCFGR_SRC_MSI | PLLCFGR_M(6u) | PLLCFGR_N(30u) | PLLCFGR_R_DIV_2 |
                                    PLLCFGR_REN);
    register_set(RCC_CR, CR_PLLON);

    /* "Dynamic voltage scaling management": range 1, then boost, before more than 80 MHz; and the
     * step to it in two halves, with 1 us between. */
    register_change(PWR_CR1, CR1_VOS, CR1_VOS_RANGE_1);
    register_wait(PWR_SR2, SR2_VOSF, 0);
    register_change(PWR_CR5, CR5_R1MODE, 0);
    register_wait(RCC_CR, CR_PLLRDY, CR_PLLRDY);
    register_change(RCC_CFGR, CFGR_HPRE, CFGR_HPRE_DIV_2);
    register_change(RCC_CFGR, CFGR_SW, CFGR_SW_PLL);
    register_wait(RCC_CFGR, CFGR_SWS_PLL, CFGR_SWS_PLL);
    for (uint32_t reads = 0; reads < 60; reads++) { /* a read is a cycle of 60 MHz, or more */
        (void)register_read(RCC_CFGR);
    }
    register_change(RCC_CFGR, CFGR_HPRE, 0);
}

/* Return the rate's divider of 120 MHz, rounded; of the LPUART, in 1/256.
 * "USART baud rate generation", "LPUART baud rate generation". */
static uint32_t divider(uint32_t baud) {
    uint64_t clock_hz = NUMBER == LPUART ? 256ull * CLOCK_HZ : CLOCK_HZ;
    return (uint32_t)((clock_hz + baud / 2) / baud);
}

bool port_takes_baud(uint32_t baud) {
    if (baud == 0) {
        return true;
    }
    if (baud < 2000 || baud > 4000000) { /* so that the divider has 16 bits; the ST-LINK's most */
        return false;
    }
    /* The LPUART's has 20 bits, and is 0x300 at least. */
    return NUMBER != LPUART || divider(baud) <= 0xFFFFF;
}

static void usart_start(uint32_t baud) {
    register_write(SERIAL->origin + USART_BRR, divider(baud));
    register_write(SERIAL->origin + USART_CR1, CR1_UE | CR1_RE | CR1_TE | CR1_RXNEIE);
}

void port_set_baud(uint32_t baud) {
    port_flush();
    register_write(SERIAL->origin + USART_CR1, 0); /* BRR may be written only while UE is 0 */
    usart_start(baud == 0 ? FIRST_BAUD : baud);
}

void port_init(void) {
    pin_enable(LED_PIN, MODE_OUTPUT);
    pin_set(LED_PIN, true);
    clocks();
    systick_start();
#ifdef TB_ENERGY
    /* Open drain, so that a monitor of any voltage may pull it up; let go before it is driven. */
    clock_enable(RCC_AHB2ENR, 1u << TIMING_PIN / 16);
    pin_set(TIMING_PIN, true);
    register_set(gpio(TIMING_PIN) + GPIO_OTYPER, 1u << TIMING_PIN % 16);
    pin_enable(TIMING_PIN, MODE_OUTPUT);
#endif
    clock_enable(SERIAL->enable, SERIAL->enable_bit);
    pin_connect(TX_PIN, SERIAL->alternate);
    pin_connect(RX_PIN, SERIAL->alternate);
    /* With nothing connected the line is idle, and no noise. */
    register_change(gpio(RX_PIN) + GPIO_PUPDR, 3u << RX_PIN % 16 * 2, PULL_UP << RX_PIN % 16 * 2);
    usart_start(FIRST_BAUD);
    interrupt_enable(SERIAL->interrupt);
    pin_set(LED_PIN, false);
}

int port_getc(void) {
    return received_get();
}

void port_putc(char c) {
    register_wait(SERIAL->origin + USART_ISR, ISR_TXE, ISR_TXE);
    register_write(SERIAL->origin + USART_TDR, (uint8_t)c);
}

void port_flush(void) {
    register_wait(SERIAL->origin + USART_ISR, ISR_TC, ISR_TC);
}

uint32_t port_micros(void) {
    return systick_micros();
}

void port_align(void) {
    systick_align();
}

#ifdef TB_ENERGY
void port_mark(void) {
    pin_set(TIMING_PIN, false);
    uint32_t fell_us = systick_micros();
    while (systick_micros() - fell_us < 2) { /* from 1 to 2 us */
    }
    pin_set(TIMING_PIN, true);
}
#endif
