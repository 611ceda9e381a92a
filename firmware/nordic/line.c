/* The serial line: a UARTE, whose bytes go to and from RAM by EasyDMA.
 *
 * It receives into one byte, and asks for an interrupt when that is there. What comes until the
 * next STARTRX waits in the receiver's own FIFO of some bytes: without the shortcut ENDRX_STARTRX,
 * by which a byte would be overwritten that no interrupt has taken yet, none is lost.
 *
 * Ref: nRF52840 Product Specification, "UARTE": EasyDMA, Reception, Registers.
 */
#include "line.h"

#include "chip.h"
#include "cpu.h"
#include "pins.h"
#include "port.h"
#include "received.h"

#ifdef TB_ENERGY
#if !defined ENERGY_TX_PIN || !defined ENERGY_RX_PIN
#error "the board's declaration lacks energy_tx_pin or energy_rx_pin in [port]"
#endif
#define TX_PIN ENERGY_TX_PIN
#define RX_PIN ENERGY_RX_PIN
#define FIRST_BAUD 9600u /* as the interface board of energy mode */
#else
#if !defined UARTE_TX_PIN || !defined UARTE_RX_PIN
#error "the board's declaration lacks uarte_tx_pin or uarte_rx_pin in [port]"
#endif
#define TX_PIN UARTE_TX_PIN
#define RX_PIN UARTE_RX_PIN
#define FIRST_BAUD 115200u
#endif

#define TASKS_STARTRX (UARTE + 0x000)
#define TASKS_STOPRX (UARTE + 0x004)
#define TASKS_STARTTX (UARTE + 0x008)
#define TASKS_STOPTX (UARTE + 0x00C)
#define EVENTS_ENDRX (UARTE + 0x110)
#define EVENTS_ENDTX (UARTE + 0x120)
#define EVENTS_RXTO (UARTE + 0x144)
#define EVENTS_TXSTOPPED (UARTE + 0x158)
#define INTENSET (UARTE + 0x304)
#define INTEN_ENDRX (1u << 4)
#define ENABLE (UARTE + 0x500)
#define ENABLE_ENABLED 8u
#define PSEL_TXD (UARTE + 0x50C)
#define PSEL_RXD (UARTE + 0x514)
#define BAUDRATE (UARTE + 0x524)
#define RXD_PTR (UARTE + 0x534)
#define RXD_MAXCNT (UARTE + 0x538)
#define TXD_PTR (UARTE + 0x544)
#define TXD_MAXCNT (UARTE + 0x548)
#define CONFIG (UARTE + 0x56C)

/* What BAUDRATE is for each rate; 921600 is left out, for it would be 941176. */
static const struct {
    uint32_t baud, code;
} rates[] = {
    {9600, 0x00275000},   {19200, 0x004EA000},  {38400, 0x009D0000},
    {57600, 0x00EB0000},  {115200, 0x01D60000}, {230400, 0x03B00000},
    {250000, 0x04000000}, {460800, 0x07400000}, {1000000, 0x10000000},
};

const uint32_t port_receive_b = RECEIVED_B;
const bool port_receives_free = false; /* each byte is an interrupt */

/* EasyDMA reaches RAM alone. */
static volatile uint8_t came;
static volatile uint8_t leaving[64];
static uint32_t leaving_b;

void line_interrupt(void) {
    if (register_read(EVENTS_ENDRX) == 0) {
        return;
    }
    register_write(EVENTS_ENDRX, 0);
    uint8_t byte = came;
    register_write(TASKS_STARTRX, 1);
    received_put(byte);
    (void)register_read(EVENTS_ENDRX); /* it is clear before the core could take it again */
}

/* Return what BAUDRATE is for a rate; 0: there is no such rate. */
static uint32_t code_of(uint32_t baud) {
    for (uint32_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        if (rates[i].baud == baud) {
            return rates[i].code;
        }
    }
    return 0;
}

bool port_takes_baud(uint32_t baud) {
    return baud == 0 || code_of(baud) != 0;
}

static void receive_at(uint32_t baud) {
    register_write(BAUDRATE, code_of(baud));
    register_write(ENABLE, ENABLE_ENABLED);
    register_write(TASKS_STARTRX, 1);
}

void line_start(void) {
    pin_output(TX_PIN, true); /* the idle line, before and whenever the UARTE is off */
    pin_input(RX_PIN);        /* with nothing connected the line is idle, and no noise */
    register_write(ENABLE, 0);
    register_write(PSEL_TXD, TX_PIN);
    register_write(PSEL_RXD, RX_PIN);
    register_write(CONFIG, 0); /* no parity, one stop bit, no flow control */
    register_write(RXD_PTR, (uint32_t)(uintptr_t)&came);
    register_write(RXD_MAXCNT, 1);
    register_write(EVENTS_ENDRX, 0);
    register_write(INTENSET, INTEN_ENDRX);
    receive_at(FIRST_BAUD);
    interrupt_enable(UARTE_INTERRUPT);
}

int port_getc(void) {
    return received_get();
}

void port_putc(char c) {
    leaving[leaving_b++] = (uint8_t)c;
    if (leaving_b == sizeof leaving) {
        port_flush();
    }
}

void port_flush(void) {
    if (leaving_b == 0) {
        return;
    }
    register_write(TXD_PTR, (uint32_t)(uintptr_t)leaving);
    register_write(TXD_MAXCNT, leaving_b);
    register_write(EVENTS_ENDTX, 0);
    register_write(EVENTS_TXSTOPPED, 0);
    barrier(); /* the bytes are in RAM */
    register_write(TASKS_STARTTX, 1);
    register_wait(EVENTS_ENDTX, 1, 1);
    register_write(TASKS_STOPTX, 1); /* the transmitter draws current until it is stopped */
    register_wait(EVENTS_TXSTOPPED, 1, 1);
    leaving_b = 0;
}

void port_set_baud(uint32_t baud) {
    port_flush();
    interrupts_off();
    register_write(EVENTS_RXTO, 0);
    register_write(TASKS_STOPRX, 1);
    register_wait(EVENTS_RXTO, 1, 1);
    register_write(ENABLE, 0);
    register_write(EVENTS_ENDRX, 0); /* the end of a reception that nothing came in */
    receive_at(baud == 0 ? FIRST_BAUD : baud);
    interrupts_on();
}
