/* The whole contract between the core and a chip: what a port must provide, and nothing else.
 *
 * One file a chip family in firmware/ports/. All functions are called from one thread, never from
 * an interrupt, but for those of a second core. None may allocate memory.
 */
#ifndef TINYBENCH_PORT_H
#define TINYBENCH_PORT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bring up clock, serial line and time base. Called once, before anything else. Leaves the line
 * ready to send and receive. */
void port_init(void);

/* Wait for one byte from the host and return it (0..255). May sleep while it waits. When the line
 * is closed for good (a process at end of file), it ends an emulator, or returns a negative number:
 * the core then returns from main. A received byte is never lost while the core is between two
 * calls and the host keeps to one command, or 64 bytes, without a handshake, or to port_receive_b.
 * A byte that came damaged (parity, framing) is returned as any other. */
int port_getc(void);

/* Bytes that the port holds while the core does not call port_getc, an inference of any length
 * included: what a host may send ahead on the fast link. 0 where there is no such buffer; the fast
 * link is then not offered. */
extern const uint32_t port_receive_b;

/* Whether what arrives meanwhile costs a timed window nothing, as where an operating system or an
 * emulator holds it: the next input may then be sent during the inference before. */
extern const bool port_receives_free;

/* Send one byte; waits while the line is busy. May buffer until port_flush. */
void port_putc(char c);

/* Send whatever port_putc holds back. Called at the end of every reply, and before every timed
 * window so that no sending falls into it. */
void port_flush(void);

/* Whether the line can run at `baud` bits a second; with 0, whether it has a rate that can be
 * changed at all. */
bool port_takes_baud(uint32_t baud);

/* Once all that was sent has left the line, go on at `baud`, which port_takes_baud allows; 0 is the
 * rate after port_init. */
void port_set_baud(uint32_t baud);

/* Microseconds since some moment before port_init returned. Wraps at 32 bits, monotonic otherwise,
 * and exact enough that a window of 10 s is right to 0.1 %. */
uint32_t port_micros(void);

/* Called directly before the first time stamp of a window. A port on which equal work takes exactly
 * equal time (an emulator that counts instructions) brings its time base to the same phase each
 * time, so that the time stamps differ by exactly as much, too; others do nothing. */
void port_align(void);

/* Pull the timing pin low for PORT_PULSE_US: a falling edge that an energy monitor sees, also one
 * that looks at its inputs every 10 us. Called in the energy build (TB_ENERGY) only, where it
 * stands for each time stamp; a port without such a pin fails to compile there. */
#define PORT_PULSE_US 25u
void port_mark(void);

/* For firmware on two cores (TB_SECOND_CORE); a chip with one leaves these out. Of the port's
 * functions the second core calls the last two alone. */

/* Let the second core run second_core_serve, on a stack of its own. Called once, after port_init.
 * Gives up, sooner or later, where the core does not start: its first job is then not done. */
void port_second_core_start(void);

/* Let the other core's port_core_wait return, at once or when it is next called. */
void port_core_signal(void);

/* Wait for the other core's port_core_signal. May return without it, and does within 0.2 s. */
void port_core_wait(void);

/* For firmware that hears (TB_STREAM). A port without any of these leaves it out: stream/wires.c
 * has them for a board where nothing is wired, and no sound comes by itself. */

/* The processing pin: high while a frame is processed. */
void port_busy(bool busy);

/* Pull the wake-word pin, which is high else, low for at least 1 us. */
void port_detected(void);

/* Take sound from now on that comes by itself, at 16 kHz: from I2S, or a file. Forgets what came
 * before. Returns false where there is none. */
bool port_sound_start(void);

#define SOUND_HOP 512

/* Wait for the next SOUND_HOP samples of it, store them, and when the last of them came by
 * port_micros; or return false as soon as a byte of the host is there for port_getc, or the line is
 * closed. */
bool port_sound_next(int16_t samples[SOUND_HOP], uint32_t *came_us);

/* Frames that were lost since the start, as nobody took them in time or the wires were disturbed:
 * at least as many as are missing. */
uint32_t port_sound_lost(void);

void port_sound_stop(void);

#ifdef __cplusplus
}
#endif

#endif
