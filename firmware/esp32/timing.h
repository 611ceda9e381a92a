/* The time base, and in the energy build the timing pin. Implements port_micros, port_align and
 * port_mark. */
#ifndef TINYBENCH_ESP32_TIMING_H
#define TINYBENCH_ESP32_TIMING_H

void timing_start(void);

#endif
