/* The time base, a TIMER at 1 MHz, and in the energy build the timing pin. SysTick stands still
 * while the core of these chips sleeps; a TIMER does not, and needs no interrupt.
 *
 * Ref: nRF52840 Product Specification, "TIMER", Registers.
 */
#include "timing.h"

#include "chip.h"
#include "cpu.h"
#include "pins.h"
#include "port.h"
#include "pulse.h"

#define TASKS_START (TIMER + 0x000)
#define TASKS_CLEAR (TIMER + 0x00C)
#define TASKS_CAPTURE_0 (TIMER + 0x040)
#define MODE (TIMER + 0x504)
#define BITMODE (TIMER + 0x508)
#define BITMODE_32 3u
#define PRESCALER (TIMER + 0x510)
#define PRESCALER_1_MHZ 4u /* 16 MHz / 2^4 */
#define CC_0 (TIMER + 0x540)

static uint32_t began_us; /* when the count was last cleared */

void timing_start(void) {
    register_write(MODE, 0); /* a timer, no counter */
    register_write(BITMODE, BITMODE_32);
    register_write(PRESCALER, PRESCALER_1_MHZ);
    register_write(TASKS_CLEAR, 1);
    register_write(TASKS_START, 1);
#ifdef TB_ENERGY
#ifndef TIMING_PIN
#error "the board's declaration lacks timing_pin in [port]"
#endif
    pin_open_drain(TIMING_PIN); /* so that a monitor of any voltage may pull it up */
#endif
}

uint32_t port_micros(void) {
    register_write(TASKS_CAPTURE_0, 1);
    return began_us + register_read(CC_0);
}

void port_align(void) {
    /* A new microsecond begins here; less than one is lost, before the window. */
    began_us = port_micros();
    register_write(TASKS_CLEAR, 1);
}

#ifdef TB_ENERGY
void port_mark(void) {
    pin_set(TIMING_PIN, false);
    pulse_lasts();
    pin_set(TIMING_PIN, true);
}
#endif
