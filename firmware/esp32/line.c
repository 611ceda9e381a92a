/* The serial line: a UART by the crystal, whose FIFO of 128 bytes asks for an interrupt at 64.
 *
 * Ref: "UART Controller", "IO MUX and GPIO Matrix" and "Interrupt Matrix" of the Technical
 * Reference Manual of each chip.
 */
#include "line.h"

#include "chip.h"
#include "cpu.h"
#include "interrupt.h"
#include "pins.h"
#include "port.h"
#include "received.h"

#ifndef LINE_IS_USB

#if NUMBER > 1 || TX >= PINS || RX >= PINS
#error "the board's declaration has a uart beside 0 and 1, or a pin that the chip has not"
#endif

#define UART_FIFO (UART_ORIGIN + 0x00)
#define UART_INT_ENA (UART_ORIGIN + 0x0C)
#define UART_INT_CLR (UART_ORIGIN + 0x10)
#define INT_RXFIFO_FULL (1u << 0)
#define UART_CLKDIV (UART_ORIGIN + 0x14)
#define CLKDIV_MOST 4095u
#define UART_STATUS (UART_ORIGIN + 0x1C)
#define TXFIFO_FULL (126u << 16)
#define UART_CONF0 (UART_ORIGIN + 0x20)
#define CONF0_8_BITS_1_STOP (3u << 2 | 1u << 4)
#define UART_CONF1 (UART_ORIGIN + 0x24)
#define CONF1_RXFIFO_FULL_THRHD 64u /* of its 128 bytes */
#define FSM_STATUS_TX (0xFu << 4)
#define UART_SIGNAL (NUMBER == 0 ? 6u : 9u) /* "Peripheral Signals via GPIO Matrix" */

/* To the buffer, what the UART holds. */
void line_take(void) {
    while ((register_read(UART_STATUS) & STATUS_RXFIFO_CNT) != 0) {
        received_put((uint8_t)register_read(UART_FIFO));
    }
}

void line_interrupt(void) {
    line_take();
    register_write(UART_INT_CLR, INT_RXFIFO_FULL);
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
    uart_source(before(baud));
    register_write(UART_CLKDIV, divide / 16 | divide % 16 << 20);
    uart_update();
}

void line_start(void) {
    uart_clock_on();
    uart_start(FIRST_BAUD);
    register_write(UART_CONF0, CONF0_MEM_CLK_EN | CONF0_8_BITS_1_STOP | CONF0_RXFIFO_RST);
    uart_update();
    register_write(UART_CONF0, CONF0_MEM_CLK_EN | CONF0_8_BITS_1_STOP);
    uart_update();
    register_write(UART_CONF1, CONF1_RXFIFO_FULL_THRHD);
    register_write(UART_INT_CLR, INT_RXFIFO_FULL);
    register_write(UART_INT_ENA, INT_RXFIFO_FULL);

    register_write(GPIO_OUT_SEL(TX), UART_SIGNAL);
    register_write(GPIO_ENABLE_W1TS, 1u << TX);
    pin_to_matrix(TX, 0);
    pin_to_matrix(RX, MUX_INPUT | MUX_PULL_UP);
    register_write(GPIO_IN_SEL(UART_SIGNAL), IN_SEL_MATRIX | RX);

    line_interrupt_on(INTERRUPT_UART_MAP);
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

#endif
