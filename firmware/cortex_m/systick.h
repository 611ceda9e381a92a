/* Microseconds from the core's own timer, for ports without a better one. */
#ifndef TINYBENCH_SYSTICK_H
#define TINYBENCH_SYSTICK_H

#include <stdint.h>

/* Start at 0, once the core runs at its final CLOCK_HZ, a whole number of MHz. */
void systick_start(void);

/* As port_micros and port_align. */
uint32_t systick_micros(void);
void systick_align(void);

/* Its place is in the vector table. */
void systick_interrupt(void);

#endif
