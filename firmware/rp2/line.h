/* The serial line: UART0. Implements port_receive_b, port_getc, port_putc, port_flush,
 * port_takes_baud and port_set_baud. */
#ifndef TINYBENCH_LINE_H
#define TINYBENCH_LINE_H

/* Start the line at its first rate, once the chip's clocks are the final ones. */
void line_start(void);

/* Its place is in the port's table of interrupts. */
void line_interrupt(void);

#endif
