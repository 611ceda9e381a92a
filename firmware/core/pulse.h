/* How long a pulse of the timing pin lasts. */
#ifndef TINYBENCH_PULSE_H
#define TINYBENCH_PULSE_H

#include "port.h"

/* Let PORT_PULSE_US pass, or one less. */
static inline void pulse_lasts(void) {
    uint32_t began_us = port_micros();
    while (port_micros() - began_us < PORT_PULSE_US) {
    }
}

#endif
