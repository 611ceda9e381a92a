/* The serial line: UART0, a PL011, whose FIFO of 32 bytes asks for an interrupt when it has four,
 * or when none came for the time of four.
 *
 * Ref: RP2040 data sheet, 4.2 UART; Arm, PrimeCell UART (PL011) Technical Reference Manual, 3.
 */
#include "line.h"

#include "chip.h"
#include "core.h"
#include "cpu.h"
#include "pins.h"
#include "port.h"
#include "received.h"
#include "resets.h"

#ifdef TB_ENERGY
#define FIRST_BAUD 9600u /* as the interface board of energy mode */
#else
#define FIRST_BAUD 115200u
#endif
#if !defined UART_TX_PIN || !defined UART_RX_PIN
#error "the board's declaration lacks uart_tx_pin or uart_rx_pin in [port]"
#endif

#define UARTDR (UART0 + 0x00)
#define UARTFR (UART0 + 0x18)
#define FR_BUSY (1u << 3)
#define FR_RXFE (1u << 4)
#define FR_TXFF (1u << 5)
#define UARTIBRD (UART0 + 0x24)
#define UARTFBRD (UART0 + 0x28)
#define UARTLCR_H (UART0 + 0x2C)
#define LCR_H_8_BITS_FIFO (3u << 5 | 1u << 4)
#define UARTCR (UART0 + 0x30)
#define CR_UARTEN_TXE_RXE (1u << 0 | 1u << 8 | 1u << 9)
#define UARTIFLS (UART0 + 0x34)
#define IFLS_EIGHTH 0u
#define UARTIMSC (UART0 + 0x38)
#define UARTICR (UART0 + 0x44)
#define INTERRUPT_RX_RT (1u << 4 | 1u << 6) /* so many, or none any more */

const uint32_t port_receive_b = RECEIVED_B;
const bool port_receives_free = false; /* bytes are interrupts */

LINE_HANDLER void line_interrupt(void) {
    register_write(UARTICR, INTERRUPT_RX_RT);
    while ((register_read(UARTFR) & FR_RXFE) == 0) {
        received_put((uint8_t)register_read(UARTDR));
    }
}

/* Clock / 16 in 64ths: 16 bits and 6. */
static uint32_t divider(uint32_t baud) {
    return (uint32_t)((4ull * CLOCK_HZ + baud / 2) / baud);
}

bool port_takes_baud(uint32_t baud) {
    if (baud == 0) {
        return true;
    }
    return baud >= 2000 && baud <= 3000000 && baud <= CLOCK_HZ / 32;
}

static void start(uint32_t baud) {
    register_write(UARTIBRD, divider(baud) / 64);
    register_write(UARTFBRD, divider(baud) % 64);
    register_write(UARTLCR_H, LCR_H_8_BITS_FIFO); /* it is what takes both of the above */
    register_write(UARTCR, CR_UARTEN_TXE_RXE);
}

void line_start(void) {
    restart(RESETS_UART0);
    pin_to_uart(UART_TX_PIN, false);
    pin_to_uart(UART_RX_PIN, true); /* with nothing connected the line is idle, and no noise */
    register_write(UARTIFLS, IFLS_EIGHTH);
    register_write(UARTIMSC, INTERRUPT_RX_RT);
    start(FIRST_BAUD);
    core_interrupt_enable(UART0_INTERRUPT);
}

int port_getc(void) {
    return received_get();
}

void port_putc(char c) {
    register_wait(UARTFR, FR_TXFF, 0);
    register_write(UARTDR, (uint8_t)c);
}

void port_flush(void) {
    register_wait(UARTFR, FR_BUSY, 0);
}

void port_set_baud(uint32_t baud) {
    port_flush();
    register_write(UARTCR, 0);
    start(baud == 0 ? FIRST_BAUD : baud);
}
