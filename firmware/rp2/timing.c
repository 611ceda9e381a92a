/* The time base, the core's own, and in the energy build the timing pin. */
#include "timing.h"

#include "core.h"
#include "pins.h"
#include "port.h"
#include "pulse.h"

void timing_start(void) {
    core_time_start();
#ifdef TB_ENERGY
#ifndef TIMING_PIN
#error "the board's declaration lacks timing_pin in [port]"
#endif
    pin_open_drain(TIMING_PIN); /* so that a monitor of any voltage may pull it up */
#endif
}

#ifdef HAZARD3
static uint32_t began_us; /* when the timer was at 0 */

uint32_t port_micros(void) {
    return began_us + core_micros();
}

void port_align(void) {
    /* Less than a microsecond is lost, before the window. */
    began_us = port_micros();
    core_time_restart();
}
#else
uint32_t port_micros(void) {
    return core_micros();
}

void port_align(void) {
    systick_align();
}
#endif

#ifdef TB_ENERGY
void port_mark(void) {
    pin_pull_low(TIMING_PIN, true);
    pulse_lasts();
    pin_pull_low(TIMING_PIN, false);
}
#endif
