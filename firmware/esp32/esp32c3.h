/* The ESP32-C3. Registers are named as in its Technical Reference Manual, whose chapters the
 * comments name. */
#ifndef TINYBENCH_ESP32C3_H
#define TINYBENCH_ESP32C3_H

#include "cpu.h"
#include "wires.h"

#define PINS 22u

/* 26 "UART Controller". */
#define UART_ORIGIN (NUMBER == 0 ? 0x60000000u : 0x60010000u)
#define STATUS_RXFIFO_CNT 0x3FFu
#define STATUS_TXFIFO_CNT (0x3FFu << 16)
#define CONF0_RXFIFO_RST (1u << 17)
#define CONF0_MEM_CLK_EN (1u << 28)
#define UART_FSM_STATUS (UART_ORIGIN + 0x6C)
#define UART_CLK_CONF (UART_ORIGIN + 0x78)
#define CLK_CONF_DIV(n) (((n) - 1u) << 12)
#define CLK_CONF_XTAL (3u << 20)
#define CLK_CONF_ON (1u << 22 | 3u << 24)

/* "USB Serial/JTAG Controller". */
#define USB_ORIGIN 0x60043000u

/* 5 "IO MUX and GPIO Matrix". */
#define GPIO 0x60004000u
#define IN_SEL_MATRIX (1u << 6)
#define IO_MUX(n) (0x60009004u + 4 * (n))

/* 8 "Interrupt Matrix". */
#define INTERRUPT 0x600C2000u
#define INTERRUPT_UART_MAP (INTERRUPT + (NUMBER == 0 ? 0x54 : 0x58))
#define INTERRUPT_USB_MAP (INTERRUPT + 0x68)
#define INTERRUPT_ENABLE (INTERRUPT + 0x104)
#define INTERRUPT_PRIORITY(n) (INTERRUPT + 0x114 + 4 * (n))
#define INTERRUPT_THRESHOLD (INTERRUPT + 0x194)

/* 10 "System Timer". */
#define SYSTIMER 0x60023000u

/* 12 "Watchdog Timers". */
#define TIMG0 0x6001F000u
#define TIMG1 0x60020000u
#define RTC_CNTL 0x60008000u
#define RTC_WDTCONFIG0 (RTC_CNTL + 0x90)
#define RTC_WDTWPROTECT (RTC_CNTL + 0xA8)
#define RTC_SWD_CONF (RTC_CNTL + 0xAC)
#define SWD_AUTO_FEED (1u << 31)
#define RTC_SWD_WPROTECT (RTC_CNTL + 0xB0)
#define SWD_KEY 0x8F1D312Au

/* 16 "System Registers". */
#define SYSTEM 0x600C0000u
#define SYSTEM_PERIP_CLK_EN0 (SYSTEM + 0x10)
#define CLK_EN0_USB_DEVICE (1u << 23)
#define CLK_EN0_LINE (1u << 24 | (NUMBER == 0 ? 1u << 2 : 1u << 5)) /* and its memory */

static inline void usb_clock_on(void) {
    register_set(SYSTEM_PERIP_CLK_EN0, CLK_EN0_USB_DEVICE);
}

static inline void uart_clock_on(void) {
    register_set(SYSTEM_PERIP_CLK_EN0, CLK_EN0_LINE);
}

/* The crystal, divided by `n`. */
static inline void uart_source(uint32_t n) {
    register_write(UART_CLK_CONF, CLK_CONF_XTAL | CLK_CONF_ON | CLK_CONF_DIV(n));
}

/* What was written is in effect at once. */
static inline void uart_update(void) {
}

static inline void core_interrupt_enable(uint32_t number) {
    (void)number;
}

#endif
