/* The whole contract between the core and a chip: what a port must provide, and nothing else.
 *
 * One file a chip family in firmware/ports/. All functions are called from one thread, never from
 * an interrupt. None may allocate memory.
 */
#ifndef TINYBENCH_PORT_H
#define TINYBENCH_PORT_H

#include <stdint.h>

/* Bring up clock, serial line and time base. Called once, before anything else. Leaves the line
 * ready to send and receive. */
void port_init(void);

/* Wait for one byte from the host and return it (0..255). May sleep while it waits. When the line
 * is closed for good (a process at end of file), it ends an emulator, or returns a negative number:
 * the core then returns from main. A received byte is never lost while the core is between two
 * calls and the host keeps to one command, or 64 bytes, without a handshake. */
int port_getc(void);

/* Send one byte; waits while the line is busy. May buffer until port_flush. */
void port_putc(char c);

/* Send whatever port_putc holds back. Called at the end of every reply, and before every timed
 * window so that no sending falls into it. */
void port_flush(void);

/* Microseconds since some moment before port_init returned. Wraps at 32 bits, monotonic otherwise,
 * and exact enough that a window of 10 s is right to 0.1 %. */
uint32_t port_micros(void);

/* Called directly before the first time stamp of a window. A port on which equal work takes exactly
 * equal time (an emulator that counts instructions) brings its time base to the same phase each
 * time, so that the time stamps differ by exactly as much, too; others do nothing. */
void port_align(void);

#endif
