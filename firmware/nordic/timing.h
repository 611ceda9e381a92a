/* The time base, and in the energy build the timing pin. Implements port_micros, port_align and
 * port_mark. */
#ifndef TINYBENCH_TIMING_H
#define TINYBENCH_TIMING_H

/* Start both, once the crystal runs. */
void timing_start(void);

#endif
