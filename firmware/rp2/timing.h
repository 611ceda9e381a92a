/* The time base, SysTick, and in the energy build the timing pin. Implements port_micros,
 * port_align and port_mark. */
#ifndef TINYBENCH_TIMING_H
#define TINYBENCH_TIMING_H

/* Start both, once the core runs at its final clock. */
void timing_start(void);

#endif
