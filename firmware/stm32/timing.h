/* The time base, and in the energy build the timing pin. Implements port_micros, port_align and
 * port_mark. */
#ifndef TINYBENCH_TIMING_H
#define TINYBENCH_TIMING_H

#include <stdint.h>

/* Start both, once the core runs at its final clock. */
void timing_start(void);

/* Pull a pin low for 1 to 2 us. */
void timing_pulse_low(uint32_t pin);

#endif
