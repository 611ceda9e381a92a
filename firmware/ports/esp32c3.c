/* Port for Espressif's ESP32-C3, started by its ROM from flash ("direct boot"): 160 or 80 MHz from
 * the PLL, one UART, received by interrupt.
 *
 * Registers are named as in the ESP32-C3 Technical Reference Manual, whose chapters the comments
 * name. The ROM has mapped flash and started the PLL, for USB runs by it.
 */
#include "port.h"

#include "cpu.h"
#include "received.h"

#if CLOCK_HZ != 160000000 && CLOCK_HZ != 80000000
#error "an ESP32-C3 runs at 160 or 80 MHz by its PLL: clock_hz in the board's declaration"
#endif
#if defined TB_ENERGY && defined ENERGY_UART
#define NUMBER ENERGY_UART
#define TX ENERGY_TX_PIN
#define RX ENERGY_RX_PIN
#define FIRST_BAUD 9600u /* as the interface board of energy mode */
#else
#define NUMBER UART
#define TX UART_TX_PIN
#define RX UART_RX_PIN
#define FIRST_BAUD 115200u
#endif
#if NUMBER > 1 || TX > 21 || RX > 21
#error "the board's declaration has a uart beside 0 and 1, or a pin beyond 21"
#endif
#define XTAL_HZ 40000000u

/* 26 "UART Controller". */
#define UART_ORIGIN (NUMBER == 0 ? 0x60000000u : 0x60010000u)
#define UART_FIFO (UART_ORIGIN + 0x00)
#define UART_INT_ENA (UART_ORIGIN + 0x0C)
#define UART_INT_CLR (UART_ORIGIN + 0x10)
#define INT_RXFIFO_FULL (1u << 0)
#define UART_CLKDIV (UART_ORIGIN + 0x14)
#define CLKDIV_MOST 4095u
#define UART_STATUS (UART_ORIGIN + 0x1C)
#define STATUS_RXFIFO_CNT 0x3FFu
#define STATUS_TXFIFO_CNT (0x3FFu << 16)
#define TXFIFO_FULL (126u << 16)
#define UART_CONF0 (UART_ORIGIN + 0x20)
#define CONF0_8_BITS_1_STOP (3u << 2 | 1u << 4)
#define CONF0_RXFIFO_RST (1u << 17)
#define CONF0_MEM_CLK_EN (1u << 28)
#define UART_CONF1 (UART_ORIGIN + 0x24)
#define CONF1_RXFIFO_FULL_THRHD 64u /* of its 128 bytes */
#define UART_FSM_STATUS (UART_ORIGIN + 0x6C)
#define FSM_STATUS_TX (0xFu << 4)
#define UART_CLK_CONF (UART_ORIGIN + 0x78)
#define CLK_CONF_DIV(n) (((n) - 1u) << 12)
#define CLK_CONF_XTAL (3u << 20)
#define CLK_CONF_ON (1u << 22 | 3u << 24)
#define UART_SIGNAL (NUMBER == 0 ? 6u : 9u) /* "Peripheral Signals via GPIO Matrix" */

/* 5 "IO MUX and GPIO Matrix". */
#define GPIO 0x60004000u
#define GPIO_OUT_W1TS (GPIO + 0x08)
#define GPIO_OUT_W1TC (GPIO + 0x0C)
#define GPIO_ENABLE_W1TS (GPIO + 0x24)
#define GPIO_PIN(n) (GPIO + 0x74 + 4 * (n))
#define PIN_OPEN_DRAIN (1u << 2)
#define GPIO_IN_SEL(signal) (GPIO + 0x154 + 4 * (signal))
#define IN_SEL_MATRIX (1u << 6)
#define GPIO_OUT_SEL(n) (GPIO + 0x554 + 4 * (n))
#define IO_MUX(n) (0x60009004u + 4 * (n))
#define MUX_PULL_UP (1u << 8)
#define MUX_INPUT (1u << 9)
#define MUX_FUNCTION (7u << 12)
#define MUX_GPIO (1u << 12)

/* 8 "Interrupt Matrix". */
#define INTERRUPT 0x600C2000u
#define INTERRUPT_UART_MAP (INTERRUPT + (NUMBER == 0 ? 0x54 : 0x58))
#define INTERRUPT_ENABLE (INTERRUPT + 0x104)
#define INTERRUPT_PRIORITY(n) (INTERRUPT + 0x114 + 4 * (n))
#define INTERRUPT_THRESHOLD (INTERRUPT + 0x194)
#define LINE_INTERRUPT 1u

/* 10 "System Timer": 16 MHz from the crystal. */
#define SYSTIMER 0x60023000u
#define SYSTIMER_CONF (SYSTIMER + 0x00)
#define CONF_UNIT0_ON (3u << 30)
#define SYSTIMER_OP (SYSTIMER + 0x04)
#define OP_VALID (1u << 29)
#define OP_UPDATE (1u << 30)
#define SYSTIMER_LOAD_HI (SYSTIMER + 0x0C)
#define SYSTIMER_LOAD_LO (SYSTIMER + 0x10)
#define SYSTIMER_VALUE_HI (SYSTIMER + 0x40)
#define SYSTIMER_VALUE_LO (SYSTIMER + 0x44)
#define SYSTIMER_LOAD (SYSTIMER + 0x5C)

/* 6 "Reset and Clock", 16 "System Registers". */
#define SYSTEM 0x600C0000u
#define SYSTEM_CPU_PER_CONF (SYSTEM + 0x08)
#define CPU_PERIOD 3u
#define CPU_PERIOD_BITS (CLOCK_HZ == 160000000 ? 1u : 0u)
#define PLL_480_MHZ (1u << 2)
#define SYSTEM_PERIP_CLK_EN0 (SYSTEM + 0x10)
#define CLK_EN0_LINE (1u << 24 | (NUMBER == 0 ? 1u << 2 : 1u << 5)) /* and its memory */
#define SYSTEM_SYSCLK_CONF (SYSTEM + 0x58)
#define SOC_CLK_SEL (3u << 10)
#define SOC_CLK_PLL (1u << 10)

/* 12 "Watchdog Timers": what the ROM started, for an image that it loads itself. */
#define TIMG0 0x6001F000u
#define TIMG1 0x60020000u
#define TIMG_WDTCONFIG0 0x48u
#define TIMG_WDTWPROTECT 0x64u
#define RTC_CNTL 0x60008000u
#define RTC_WDTCONFIG0 (RTC_CNTL + 0x90)
#define RTC_WDTWPROTECT (RTC_CNTL + 0xA8)
#define WDT_KEY 0x50D83AA1u
#define RTC_SWD_CONF (RTC_CNTL + 0xAC)
#define SWD_AUTO_FEED (1u << 31)
#define RTC_SWD_WPROTECT (RTC_CNTL + 0xB0)
#define SWD_KEY 0x8F1D312Au

const uint32_t port_receive_b = RECEIVED_B;
const bool port_receives_free = false; /* an interrupt for each 64 bytes */

static uint32_t began_us; /* when the timer was at 0 */

/* To the buffer, what the UART holds. */
static void line_take(void) {
    while ((register_read(UART_STATUS) & STATUS_RXFIFO_CNT) != 0) {
        received_put((uint8_t)register_read(UART_FIFO));
    }
}

#ifndef TB_FAKE_REGISTERS
/* Ref: "Chip Boot Control", direct boot: two words by which the ROM knows the image; it begins
 * right behind them. */
__attribute__((section(".header"), used)) const uint32_t header[] = {0xAEDB041Du, 0xAEDB041Du};

/* 1.5 "Interrupt Controller": the core jumps to the entry of its interrupt; exceptions are 0. */
__asm(".pushsection .text.trap_vectors, \"ax\"\n"
      ".balign 256\n"
      ".option push\n"
      ".option norvc\n"
      ".globl trap_vectors\n"
      "trap_vectors:\n"
      "    j trap\n"
      "    j line_interrupt\n"
      "    .rept 30\n"
      "    j trap\n"
      "    .endr\n"
      ".option pop\n"
      ".popsection\n");
__attribute__((interrupt("machine"), used))
#endif
void line_interrupt(void);
void line_interrupt(void) {
    line_take();
    register_write(UART_INT_CLR, INT_RXFIFO_FULL);
}

static void watchdog_off(uint32_t config, uint32_t protect) {
    register_write(protect, WDT_KEY);
    register_write(config, 0);
    register_write(protect, 0);
}

static void watchdogs_off(void) {
    watchdog_off(RTC_WDTCONFIG0, RTC_WDTWPROTECT);
    watchdog_off(TIMG0 + TIMG_WDTCONFIG0, TIMG0 + TIMG_WDTWPROTECT);
    watchdog_off(TIMG1 + TIMG_WDTCONFIG0, TIMG1 + TIMG_WDTWPROTECT);
    /* The super watchdog cannot be switched off, but feeds itself. */
    register_write(RTC_SWD_WPROTECT, SWD_KEY);
    register_set(RTC_SWD_CONF, SWD_AUTO_FEED);
    register_write(RTC_SWD_WPROTECT, 0);
}

/* From the crystal to the PLL, which runs: its divider before the switch. */
static void clocks(void) {
    register_change(SYSTEM_CPU_PER_CONF, CPU_PERIOD | PLL_480_MHZ, PLL_480_MHZ | CPU_PERIOD_BITS);
    register_change(SYSTEM_SYSCLK_CONF, SOC_CLK_SEL, SOC_CLK_PLL);
}

static void pin_matrix(uint32_t pin, uint32_t more) {
    register_change(IO_MUX(pin), MUX_FUNCTION | more, MUX_GPIO | more);
}

/* What divides the crystal before the UART does: at 9600 baud its own divider is too short. */
static uint32_t before(uint32_t baud) {
    return (XTAL_HZ + CLKDIV_MOST * baud - 1) / (CLKDIV_MOST * baud);
}

/* The UART's divider, in 16ths. */
static uint32_t divider(uint32_t baud) {
    return (XTAL_HZ * 16u / before(baud) + baud / 2) / baud;
}

static void uart_start(uint32_t baud) {
    uint32_t divide = divider(baud);
    register_write(UART_CLK_CONF, CLK_CONF_XTAL | CLK_CONF_ON | CLK_CONF_DIV(before(baud)));
    register_write(UART_CLKDIV, divide / 16 | divide % 16 << 20);
}

static void line_start(void) {
    register_set(SYSTEM_PERIP_CLK_EN0, CLK_EN0_LINE);
    uart_start(FIRST_BAUD);
    register_write(UART_CONF0, CONF0_MEM_CLK_EN | CONF0_8_BITS_1_STOP | CONF0_RXFIFO_RST);
    register_write(UART_CONF0, CONF0_MEM_CLK_EN | CONF0_8_BITS_1_STOP);
    register_write(UART_CONF1, CONF1_RXFIFO_FULL_THRHD);
    register_write(UART_INT_CLR, INT_RXFIFO_FULL);
    register_write(UART_INT_ENA, INT_RXFIFO_FULL);

    register_write(GPIO_OUT_SEL(TX), UART_SIGNAL);
    register_write(GPIO_ENABLE_W1TS, 1u << TX);
    pin_matrix(TX, 0);
    pin_matrix(RX, MUX_INPUT | MUX_PULL_UP);
    register_write(GPIO_IN_SEL(UART_SIGNAL), IN_SEL_MATRIX | RX);

    register_write(INTERRUPT_UART_MAP, LINE_INTERRUPT);
    register_write(INTERRUPT_PRIORITY(LINE_INTERRUPT), 2);
    register_write(INTERRUPT_THRESHOLD, 1);
    register_set(INTERRUPT_ENABLE, 1u << LINE_INTERRUPT);
    interrupts_on();
}

void port_init(void) {
    watchdogs_off();
    clocks();
    register_set(SYSTIMER_CONF, CONF_UNIT0_ON);
#ifdef TB_ENERGY
    register_write(GPIO_OUT_W1TS, 1u << TIMING_PIN); /* let go before it is driven */
    register_set(GPIO_PIN(TIMING_PIN), PIN_OPEN_DRAIN);
    register_write(GPIO_ENABLE_W1TS, 1u << TIMING_PIN);
    pin_matrix(TIMING_PIN, 0);
#endif
    line_start();
}

int port_getc(void) {
    /* The core stays awake: a byte below the interrupt's threshold would not wake it. */
    while (!received_any()) {
        interrupts_off();
        line_take();
        interrupts_on();
    }
    return received_get();
}

void port_putc(char c) {
    while ((register_read(UART_STATUS) & STATUS_TXFIFO_CNT) >= TXFIFO_FULL) {
    }
    register_write(UART_FIFO, (uint8_t)c);
}

void port_flush(void) {
    register_wait(UART_STATUS, STATUS_TXFIFO_CNT, 0);
    register_wait(UART_FSM_STATUS, FSM_STATUS_TX, 0);
}

bool port_takes_baud(uint32_t baud) {
    if (baud == 0) {
        return true;
    }
    if (baud < 1200 || baud > 2000000) {
        return false;
    }
    /* Rounded it is right to 1.6 %, of which a byte of ten bits bears three. */
    uint32_t whole = XTAL_HZ * 16u / before(baud), is = divider(baud) * baud;
    return (is > whole ? is - whole : whole - is) <= whole / 64;
}

void port_set_baud(uint32_t baud) {
    port_flush();
    uart_start(baud == 0 ? FIRST_BAUD : baud);
}

uint32_t port_micros(void) {
    register_write(SYSTIMER_OP, OP_UPDATE);
    register_wait(SYSTIMER_OP, OP_VALID, OP_VALID);
    uint32_t low = register_read(SYSTIMER_VALUE_LO), high = register_read(SYSTIMER_VALUE_HI);
    return began_us + (high << 28 | low >> 4);
}

void port_align(void) {
    /* From 0 on, equal work takes equal time. Less than a microsecond is lost, before the window.
     */
    began_us = port_micros();
    register_write(SYSTIMER_LOAD_HI, 0);
    register_write(SYSTIMER_LOAD_LO, 0);
    register_write(SYSTIMER_LOAD, 1);
}

#ifdef TB_ENERGY
void port_mark(void) {
    register_write(GPIO_OUT_W1TC, 1u << TIMING_PIN);
    uint32_t fell_us = port_micros();
    while (port_micros() - fell_us < 2) { /* from 1 to 2 us */
    }
    register_write(GPIO_OUT_W1TS, 1u << TIMING_PIN);
}
#endif
