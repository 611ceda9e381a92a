/* The ESP32-C6, its HP core. Names, addresses and bits as in esp-idf, soc/esp32c6; the comments
 * name the chapters of its Technical Reference Manual. */
#ifndef TINYBENCH_ESP32C6_H
#define TINYBENCH_ESP32C6_H

#include "cpu.h"
#include "wires.h"

#define PINS 31u

/* "UART Controller". */
#define UART_ORIGIN (NUMBER == 0 ? 0x60000000u : 0x60001000u)
#define STATUS_RXFIFO_CNT 0xFFu
#define STATUS_TXFIFO_CNT (0xFFu << 16)
#define CONF0_RXFIFO_RST (1u << 22)
#define CONF0_MEM_CLK_EN (1u << 20)
#define UART_FSM_STATUS (UART_ORIGIN + 0x70)
#define UART_REG_UPDATE (UART_ORIGIN + 0x98)
#define REG_UPDATE 1u

/* "USB Serial/JTAG Controller". */
#define USB_ORIGIN 0x6000F000u

/* "IO MUX and GPIO Matrix". */
#define GPIO 0x60091000u
#define IN_SEL_MATRIX (1u << 7)
#define IO_MUX(n) (0x60090004u + 4 * (n))

/* "Interrupt Matrix"; its core has a PLIC of its own. */
#define INTERRUPT_UART_MAP (0x60010000u + (NUMBER == 0 ? 0xAC : 0xB0))
#define INTERRUPT_USB_MAP 0x600100C0u
#define PLIC 0x20001000u
#define INTERRUPT_ENABLE (PLIC + 0x00)
#define INTERRUPT_PRIORITY(n) (PLIC + 0x10 + 4 * (n))
#define INTERRUPT_THRESHOLD (PLIC + 0x90)

/* "System Timer". */
#define SYSTIMER 0x6000A000u

/* "Watchdog Timers". */
#define TIMG0 0x60008000u
#define TIMG1 0x60009000u
#define LP_WDT 0x600B1C00u
#define RTC_WDTCONFIG0 (LP_WDT + 0x00)
#define RTC_WDTWPROTECT (LP_WDT + 0x18)
#define RTC_SWD_CONF (LP_WDT + 0x1C)
#define SWD_AUTO_FEED (1u << 18)
#define RTC_SWD_WPROTECT (LP_WDT + 0x20)
#define SWD_KEY 0x50D83AA1u

/* "Reset and Clock", PCR. */
#define PCR 0x60096000u
#define PCR_UART_CONF (PCR + (NUMBER == 0 ? 0x0 : 0xC))
#define UART_CLK_EN (1u << 0)
#define UART_RST_EN (1u << 1)
#define PCR_USB_DEVICE_CONF (PCR + 0x8C)
#define USB_CLK_EN (1u << 0)
#define USB_RST_EN (1u << 1)
#define PCR_UART_SCLK_CONF (PCR + (NUMBER == 0 ? 0x4 : 0x10))
#define SCLK_DIV(n) (((n) - 1u) << 12)
#define SCLK_XTAL (3u << 20)
#define SCLK_EN (1u << 22)

static inline void usb_clock_on(void) {
    register_change(PCR_USB_DEVICE_CONF, USB_CLK_EN | USB_RST_EN, USB_CLK_EN);
}

static inline void uart_clock_on(void) {
    register_change(PCR_UART_CONF, UART_CLK_EN | UART_RST_EN, UART_CLK_EN);
}

/* The crystal, divided by `n`. */
static inline void uart_source(uint32_t n) {
    register_write(PCR_UART_SCLK_CONF, SCLK_XTAL | SCLK_EN | SCLK_DIV(n));
}

/* Let what was written reach the UART's own clock, and wait until it has. */
static inline void uart_update(void) {
    register_write(UART_REG_UPDATE, REG_UPDATE);
    register_wait(UART_REG_UPDATE, REG_UPDATE, 0);
}

#ifdef TB_FAKE_REGISTERS
static inline void core_interrupt_enable(uint32_t number) {
    register_write(0x304u, 1u << number);
}
#else
/* Privileged Architecture, 3.1.9, mie. */
static inline void core_interrupt_enable(uint32_t number) {
    __asm volatile(
        ".option push\n .option arch, +zicsr\n csrs mie, %0\n .option pop" ::"r"(1u << number)
        : "memory");
}
#endif

#endif
