/* The clocks: the crystal, the PLL of the system, and what runs by it. */
#ifndef TINYBENCH_CLOCKS_H
#define TINYBENCH_CLOCKS_H

/* From whatever the core runs by, to CLOCK_HZ; UART0 gets the same. */
void clocks_start(void);

#endif
