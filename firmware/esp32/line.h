/* The serial line: a UART, or the chip's own USB, received by interrupt. Implements port_receive_b,
 * port_getc, port_putc, port_flush, port_takes_baud and port_set_baud. */
#ifndef TINYBENCH_ESP32_LINE_H
#define TINYBENCH_ESP32_LINE_H

/* Start the line at its first rate. */
void line_start(void);

/* Take to the buffer what has come; with interrupts off. */
void line_take(void);

#endif
