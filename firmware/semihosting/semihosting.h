/* The serial line of an emulated board: QEMU's own standard input and output, by semihosting.
 *
 * One host call a command, 25 us from command to m-ready. An emulated UART wakes up for each byte,
 * which makes it 1700 us on the MPS2 boards.
 *
 * Implements port_getc, port_putc, port_flush and the two of the baud rate, for ports without a
 * line of their own.
 */
#ifndef TINYBENCH_SEMIHOSTING_H
#define TINYBENCH_SEMIHOSTING_H

/* Open both ends of the line. Called once, by port_init. */
void semihosting_open(void);

#endif
