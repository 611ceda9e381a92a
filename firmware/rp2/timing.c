/* The time base, SysTick, and in the energy build the timing pin. */
#include "timing.h"

#include "pins.h"
#include "port.h"
#include "systick.h"

void timing_start(void) {
    systick_start();
#ifdef TB_ENERGY
#ifndef TIMING_PIN
#error "the board's declaration lacks timing_pin in [port]"
#endif
    pin_open_drain(TIMING_PIN); /* so that a monitor of any voltage may pull it up */
#endif
}

uint32_t port_micros(void) {
    return systick_micros();
}

void port_align(void) {
    systick_align();
}

#ifdef TB_ENERGY
void port_mark(void) {
    pin_pull_low(TIMING_PIN, true);
    uint32_t fell_us = systick_micros();
    while (systick_micros() - fell_us < 2) { /* from 1 to 2 us */
    }
    pin_pull_low(TIMING_PIN, false);
}
#endif
