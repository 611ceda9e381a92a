/* Port for Arduino: its serial line is a Stream, its clock micros().
 *
 * Ref: Arduino's language reference: Stream, Serial, micros, pinMode, digitalWrite, yield.
 */
#include "../tinybench.h"

#include "device.h"
#include "port.h"

/* What a Stream holds is the board's own affair: 64 bytes at least, too few for the fast link. */
const uint32_t port_receive_b = 0;
const bool port_receives_free = false;

static Stream *line;
static uint8_t pin;

/* Sent together, for on USB each write is a packet. */
static uint8_t held[64];
static size_t held_b;

void tinybench_run(Stream &stream, uint8_t timing_pin) {
    line = &stream;
    pin = timing_pin;
    device_run();
}

static void send(void) {
    line->write(held, held_b);
    held_b = 0;
}

void port_init(void) {
#ifdef TB_ENERGY
    pinMode(pin, OUTPUT);
    digitalWrite(pin, HIGH);
#endif
}

int port_getc(void) {
    while (line->available() <= 0) {
        yield();
    }
    return line->read();
}

void port_putc(char c) {
    held[held_b++] = static_cast<uint8_t>(c);
    if (held_b == sizeof held) {
        send();
    }
}

void port_flush(void) {
    if (held_b > 0) {
        send();
    }
    line->flush();
}

/* A Stream does not say whether its rate means anything; over USB it does not. */
bool port_takes_baud(uint32_t baud) {
    (void)baud;
    return false;
}

void port_set_baud(uint32_t baud) {
    (void)baud;
}

uint32_t port_micros(void) {
    return static_cast<uint32_t>(micros());
}

void port_align(void) {
}

#ifdef TB_ENERGY
void port_mark(void) {
    digitalWrite(pin, LOW);
    delayMicroseconds(PORT_PULSE_US);
    digitalWrite(pin, HIGH);
}
#endif
