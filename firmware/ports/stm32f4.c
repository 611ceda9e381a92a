/* Port for ST's STM32F405 and its kin: 168 MHz, one USART, received by interrupt.
 *
 * Registers are named as in ST's reference manual RM0090, whose sections the comments name; the
 * frequencies are those of the STM32F405 data sheet, DocID022152. The LED is on until the board is
 * ready. If it stays on, a clock did not come: the chip runs on at 16 MHz, and no host at the rate
 * of the line hears it.
 */
#include "port.h"

#include "cpu.h"
#include "received.h"
#include "systick.h"

#if !defined HSE_HZ || !defined USART || !defined USART_TX_PIN || !defined USART_RX_PIN ||         \
    !defined LED_PIN
#error                                                                                             \
    "the board's declaration lacks hse_hz, usart, usart_tx_pin, usart_rx_pin or led_pin in [port]"
#endif
#if USART != 1 && USART != 2 && USART != 3 && USART != 6
#error "the usart of the board's declaration is none of 1, 2, 3 and 6"
#endif
#ifdef TB_ENERGY
#ifndef TIMING_PIN
#error "the board's declaration lacks timing_pin in [port]"
#endif
#define FIRST_BAUD 9600u /* as the interface board of energy mode */
#else
#define FIRST_BAUD 115200u
#endif
#if CLOCK_HZ != 168000000
#error "this port runs at 168 MHz: the board's clock_hz is another"
#endif
#if HSE_HZ % 2000000 != 0
#error "hse_hz is no multiple of 2 MHz, the PLL's input"
#endif
#ifndef LED_ON_LOW
#define LED_ON_LOW 0
#endif

/* Memory map. */
#define PWR 0x40007000u
#define GPIOA 0x40020000u
#define GPIO_SIZE_B 0x400u
#define RCC 0x40023800u
#define FLASH 0x40023C00u

/* Power control registers. */
#define PWR_CR (PWR + 0x00)
#define CR_VOS (1u << 14) /* scale 1, up to 168 MHz */

/* Flash access control register. */
#define FLASH_ACR (FLASH + 0x00)
#define ACR_LATENCY 0x7u
#define ACR_PRFTEN (1u << 8)
#define ACR_ICEN (1u << 9)
#define ACR_DCEN (1u << 10)
#define WAIT_STATES_168_MHZ                                                                        \
    5u /* from 2.7 V on; "Relation between CPU clock and Flash read time"                          \
        */

/* Reset and clock control registers. */
#define RCC_CR (RCC + 0x00)
#define CR_HSEON (1u << 16)
#define CR_HSERDY (1u << 17)
#define CR_PLLON (1u << 24)
#define CR_PLLRDY (1u << 25)
#define RCC_PLLCFGR (RCC + 0x04)
#define PLLCFGR_M(n) (n)
#define PLLCFGR_N(n) ((n) << 6)
#define PLLCFGR_P_DIV_2 (0u << 16)
#define PLLCFGR_SRC_HSE (1u << 22)
#define PLLCFGR_Q(n) ((n) << 24)
#define RCC_CFGR (RCC + 0x08)
#define CFGR_SW 3u
#define CFGR_SW_PLL 2u
#define CFGR_SWS (3u << 2)
#define CFGR_SWS_PLL (2u << 2)
#define CFGR_PRESCALERS (0xFu << 4 | 0x3Fu << 10)
#define CFGR_PPRE1_DIV_4 (5u << 10)
#define CFGR_PPRE2_DIV_2 (4u << 13)
#define PCLK1_HZ (CLOCK_HZ / 4)
#define PCLK2_HZ (CLOCK_HZ / 2)
#define RCC_AHB1ENR (RCC + 0x30)
#define RCC_APB1ENR (RCC + 0x40)
#define APB1ENR_PWREN (1u << 28)
#define RCC_APB2ENR (RCC + 0x44)

#define READS_MAX 250000u /* 100 ms or more; a crystal needs some 2 ms, the PLL 0.3 ms */

/* GPIO registers. */
#define GPIO_MODER 0x00u
#define MODE_OUTPUT 1u
#define MODE_ALTERNATE 2u
#define GPIO_OTYPER 0x04u
#define GPIO_PUPDR 0x0Cu
#define PULL_UP 1u
#define GPIO_BSRR 0x18u
#define GPIO_AFRL 0x20u

/* USART registers. */
#define USART_SR 0x00u
#define SR_ERRORS 0xFu /* PE, FE, NF, ORE: cleared when SR and then DR have been read */
#define SR_RXNE (1u << 5)
#define SR_TC (1u << 6)
#define SR_TXE (1u << 7)
#define USART_DR 0x04u
#define USART_BRR 0x08u
#define USART_CR1 0x0Cu
#define CR1_RE (1u << 2)
#define CR1_TE (1u << 3)
#define CR1_RXNEIE (1u << 5)
#define CR1_UE (1u << 13)

typedef struct {
    uint32_t origin;
    uint32_t interrupt; /* "Vector table" */
    uint32_t enable;    /* the clock's register, and its bit there */
    uint32_t enable_bit;
    uint32_t clock_hz;
    uint32_t alternate; /* DocID022152, alternate function mapping */
} Usart;

/* By their number. */
static const Usart usarts[] = {
    [1] = {0x40011000u, 37, RCC_APB2ENR, 1u << 4, PCLK2_HZ, 7},
    [2] = {0x40004400u, 38, RCC_APB1ENR, 1u << 17, PCLK1_HZ, 7},
    [3] = {0x40004800u, 39, RCC_APB1ENR, 1u << 18, PCLK1_HZ, 7},
    [6] = {0x40011400u, 71, RCC_APB2ENR, 1u << 5, PCLK2_HZ, 8},
};
#define SERIAL (&usarts[USART])

const uint32_t port_receive_b = RECEIVED_B;

static void usart_interrupt(void) {
    uint32_t status = register_read(SERIAL->origin + USART_SR);
    if ((status & (SR_RXNE | SR_ERRORS)) != 0) {
        uint8_t byte = (uint8_t)register_read(SERIAL->origin + USART_DR);
        if ((status & SR_RXNE) != 0) {
            received_put(byte);
        }
    }
}

__attribute__((section(".interrupts"), used)) const Handler stm32f4_interrupts[] = {
    [37] = usart_interrupt,
    [38] = usart_interrupt,
    [39] = usart_interrupt,
    [71] = usart_interrupt,
};

/* "Peripheral clock enable register": two cycles pass until it runs, and reading takes longer. */
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

/* Give the pin's port its clock, then the pin its function. */
static void pin_enable(uint32_t pin, uint32_t mode) {
    clock_enable(RCC_AHB1ENR, 1u << pin / 16);
    register_change(gpio(pin) + GPIO_MODER, 3u << pin % 16 * 2, mode << pin % 16 * 2);
}

static void pin_connect(uint32_t pin, uint32_t alternate) {
    clock_enable(RCC_AHB1ENR, 1u << pin / 16);
    uint32_t shift = pin % 8 * 4;
    register_change(gpio(pin) + GPIO_AFRL + pin % 16 / 8 * 4, 0xFu << shift, alternate << shift);
    pin_enable(pin, MODE_ALTERNATE);
}

/* From the 16 MHz of HSI after reset to 168 MHz from the crystal: / (HSE / 2 MHz) * 168 / 2.
 * Returns whether all said that they are ready. */
static bool clocks(void) {
    /* "HSE clock". */
    register_set(RCC_CR, CR_HSEON);
    bool ready = register_comes(RCC_CR, CR_HSERDY, CR_HSERDY, READS_MAX);

    /* "Voltage regulator": scale 1, chosen while the PLL is off. */
    clock_enable(RCC_APB1ENR, APB1ENR_PWREN);
    register_set(PWR_CR, CR_VOS);

    /* "PLL configuration": while it is off. Q, for USB, must be 2 at least. */
    register_write(RCC_PLLCFGR, PLLCFGR_SRC_HSE | PLLCFGR_M(HSE_HZ / 2000000u) | PLLCFGR_N(168u) |
                                    PLLCFGR_P_DIV_2 | PLLCFGR_Q(7u));
    register_set(RCC_CR, CR_PLLON);

    /* "Increasing the CPU frequency": the wait states first, and read back. */
    register_change(FLASH_ACR, ACR_LATENCY, WAIT_STATES_168_MHZ | ACR_PRFTEN | ACR_ICEN | ACR_DCEN);
    (void)register_read(FLASH_ACR);

    /* "RCC clock configuration register": APB1 up to 42 MHz, APB2 up to 84 MHz. */
    register_change(RCC_CFGR, CFGR_PRESCALERS, CFGR_PPRE1_DIV_4 | CFGR_PPRE2_DIV_2);
    ready &= register_comes(RCC_CR, CR_PLLRDY, CR_PLLRDY, READS_MAX);
    register_change(RCC_CFGR, CFGR_SW, CFGR_SW_PLL);
    ready &= register_comes(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL, READS_MAX);
    return ready;
}

/* Return the rate's divider of the USART's clock, rounded. "Fractional baud rate generation". */
static uint32_t divider(uint32_t baud) {
    return (SERIAL->clock_hz + baud / 2) / baud;
}

bool port_takes_baud(uint32_t baud) {
    /* A divider from 32 on is rounded by 1.6 % at most; it has 16 bits. */
    return baud == 0 || (baud >= 2000 && baud <= SERIAL->clock_hz / 32);
}

static void usart_start(uint32_t baud) {
    register_write(SERIAL->origin + USART_BRR, divider(baud));
    register_write(SERIAL->origin + USART_CR1, CR1_UE | CR1_RE | CR1_TE | CR1_RXNEIE);
}

void port_set_baud(uint32_t baud) {
    port_flush();
    register_write(SERIAL->origin + USART_CR1, 0);
    usart_start(baud == 0 ? FIRST_BAUD : baud);
}

void port_init(void) {
    pin_enable(LED_PIN, MODE_OUTPUT);
    pin_set(LED_PIN, !LED_ON_LOW);
    bool ready = clocks();
    systick_start();
#ifdef TB_ENERGY
    /* Open drain, so that a monitor of any voltage may pull it up; let go before it is driven. */
    clock_enable(RCC_AHB1ENR, 1u << TIMING_PIN / 16);
    pin_set(TIMING_PIN, true);
    register_set(gpio(TIMING_PIN) + GPIO_OTYPER, 1u << TIMING_PIN % 16);
    pin_enable(TIMING_PIN, MODE_OUTPUT);
#endif
    clock_enable(SERIAL->enable, SERIAL->enable_bit);
    pin_connect(USART_TX_PIN, SERIAL->alternate);
    pin_connect(USART_RX_PIN, SERIAL->alternate);
    /* With nothing connected the line is idle, and no noise. */
    register_change(gpio(USART_RX_PIN) + GPIO_PUPDR, 3u << USART_RX_PIN % 16 * 2,
                    PULL_UP << USART_RX_PIN % 16 * 2);
    usart_start(FIRST_BAUD);
    interrupt_enable(SERIAL->interrupt);
    if (ready) {
        pin_set(LED_PIN, LED_ON_LOW);
    }
}

int port_getc(void) {
    return received_get();
}

void port_putc(char c) {
    register_wait(SERIAL->origin + USART_SR, SR_TXE, SR_TXE);
    register_write(SERIAL->origin + USART_DR, (uint8_t)c);
}

void port_flush(void) {
    register_wait(SERIAL->origin + USART_SR, SR_TC, SR_TC);
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
