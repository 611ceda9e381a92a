/* The serial line: a USART of ST's, received by interrupt. */
#include "line.h"

#include "chip.h"
#include "clock.h"
#include "cpu.h"
#include "pins.h"
#include "port.h"
#include "received.h"
#include "usart.h"

#ifdef TB_ENERGY
#define FIRST_BAUD 9600u /* as the interface board of energy mode */
#else
#define FIRST_BAUD 115200u
#endif

const uint32_t port_receive_b = RECEIVED_B;
const bool port_receives_free = false; /* each byte is an interrupt */

void line_interrupt(void) {
    uint32_t status = register_read(SERIAL->origin + USART_STATUS);
    bool came = (status & STATUS_RXNE) != 0;
    bool damaged = (status & STATUS_ERRORS) != 0;
#ifdef USART_CLEAR
    if (came) {
        received_put((uint8_t)register_read(SERIAL->origin + USART_RECEIVE));
    }
    if (damaged) {
        register_write(SERIAL->origin + USART_CLEAR, status & STATUS_ERRORS);
    }
#else
    if (came || damaged) {
        uint8_t byte = (uint8_t)register_read(SERIAL->origin + USART_RECEIVE);
        if (came) {
            received_put(byte);
        }
    }
#endif
}

uint32_t line_divider(uint32_t baud) {
    return (uint32_t)((SERIAL->brr_hz + baud / 2) / baud);
}

static void usart_start(uint32_t baud) {
    register_write(SERIAL->origin + USART_BRR, line_divider(baud));
    register_write(SERIAL->origin + USART_CR1, CR1_UE | CR1_RE | CR1_TE | CR1_RXNEIE);
}

void line_start(void) {
    clock_enable(SERIAL->enable, SERIAL->enable_bit);
    pin_connect(TX_PIN, SERIAL->alternate);
    pin_connect(RX_PIN, SERIAL->alternate);
    pin_pull_up(RX_PIN); /* with nothing connected the line is idle, and no noise */
    usart_start(FIRST_BAUD);
    interrupt_enable(SERIAL->interrupt);
}

int port_getc(void) {
    return received_get();
}

void port_putc(char c) {
    register_wait(SERIAL->origin + USART_STATUS, STATUS_TXE, STATUS_TXE);
    register_write(SERIAL->origin + USART_SEND, (uint8_t)c);
}

void port_flush(void) {
    register_wait(SERIAL->origin + USART_STATUS, STATUS_TC, STATUS_TC);
}

void port_set_baud(uint32_t baud) {
    port_flush();
    register_write(SERIAL->origin + USART_CR1, 0); /* BRR may be written only while UE is 0 */
    usart_start(baud == 0 ? FIRST_BAUD : baud);
}
