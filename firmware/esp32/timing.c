/* The time base, the system timer, and in the energy build the timing pin. */
#include "timing.h"

#include "chip.h"
#include "cpu.h"
#include "pins.h"
#include "port.h"
#include "pulse.h"

/* "System Timer": 16 MHz from the crystal. */
#define SYSTIMER_CONF (SYSTIMER + 0x00)
#define CONF_UNIT0_ON (3u << 30)
#define SYSTIMER_OP (SYSTIMER + 0x04)
#define OP_VALID (1u << 29)
#define OP_UPDATE (1u << 30)
#define SYSTIMER_LOAD_HI (SYSTIMER + 0x0C)
#define SYSTIMER_LOAD_LO (SYSTIMER + 0x10)
#define SYSTIMER_VALUE_HI (SYSTIMER + 0x40)
#define SYSTIMER_VALUE_LO (SYSTIMER + 0x44)
#define SYSTIMER_LOAD (SYSTIMER + 0x5C)

static uint32_t began_us; /* when the timer was at 0 */

void timing_start(void) {
    register_set(SYSTIMER_CONF, CONF_UNIT0_ON);
#ifdef TB_ENERGY
    register_write(GPIO_OUT_W1TS, 1u << TIMING_PIN); /* let go before it is driven */
    register_set(GPIO_PIN(TIMING_PIN), PIN_OPEN_DRAIN);
    register_write(GPIO_ENABLE_W1TS, 1u << TIMING_PIN);
    pin_to_matrix(TIMING_PIN, 0);
#endif
}

uint32_t port_micros(void) {
    register_write(SYSTIMER_OP, OP_UPDATE);
    register_wait(SYSTIMER_OP, OP_VALID, OP_VALID);
    uint32_t low = register_read(SYSTIMER_VALUE_LO), high = register_read(SYSTIMER_VALUE_HI);
    return began_us + (high << 28 | low >> 4);
}

void port_align(void) {
    /* From 0 on, equal work takes equal time. Less than a microsecond is lost, before the window.
     */
    began_us = port_micros();
    register_write(SYSTIMER_LOAD_HI, 0);
    register_write(SYSTIMER_LOAD_LO, 0);
    register_write(SYSTIMER_LOAD, 1);
}

#ifdef TB_ENERGY
void port_mark(void) {
    register_write(GPIO_OUT_W1TC, 1u << TIMING_PIN);
    pulse_lasts();
    register_write(GPIO_OUT_W1TS, 1u << TIMING_PIN);
}
#endif
