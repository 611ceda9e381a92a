/* The time base, SysTick, and in the energy build the timing pin. */
#include "timing.h"

#include "pins.h"
#include "port.h"
#include "pulse.h"
#include "systick.h"

#if defined TB_ENERGY && !defined TIMING_PIN
#error "the board's declaration lacks timing_pin in [port]"
#endif

void timing_start(void) {
    systick_start();
#ifdef TB_ENERGY
    pin_open_drain(TIMING_PIN); /* so that a monitor of any voltage may pull it up */
#endif
}

uint32_t port_micros(void) {
    return systick_micros();
}

void port_align(void) {
    systick_align();
}

void timing_pulse_low(uint32_t pin) {
    pin_set(pin, false);
    pulse_lasts();
    pin_set(pin, true);
}

#ifdef TB_ENERGY
void port_mark(void) {
    timing_pulse_low(TIMING_PIN);
}
#endif
