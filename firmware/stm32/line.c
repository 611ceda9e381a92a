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

/* "USART baud rate generation", with 16 samples a bit; "LPUART baud rate generation". */
#if defined LPUART && NUMBER == LPUART
#define BRR_LEAST 0x300u
#define BRR_MOST 0xFFFFFu
#else
#define BRR_LEAST 16u
#define BRR_MOST 0xFFFFu
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

static uint64_t divider(uint32_t baud) {
    return (SERIAL->brr_hz + baud / 2) / baud;
}

bool port_takes_baud(uint32_t baud) {
    if (baud == 0) {
        return true;
    }
    if (baud < 2000 || baud > 4000000) { /* the ST-LINK's most */
        return false;
    }
    /* What BRR holds; and rounded it is right to 1.6 %, of which a byte of ten bits bears three. */
    uint64_t brr = divider(baud);
    uint64_t rate = brr * baud;
    uint64_t away = rate > SERIAL->brr_hz ? rate - SERIAL->brr_hz : SERIAL->brr_hz - rate;
    return brr >= BRR_LEAST && brr <= BRR_MOST && away <= SERIAL->brr_hz / 64;
}

static void usart_start(uint32_t baud) {
    register_write(SERIAL->origin + USART_BRR, (uint32_t)divider(baud));
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
