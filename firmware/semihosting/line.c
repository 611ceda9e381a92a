/* The serial line by semihosting: functions of port.h. */
#include "semihosting.h"

#include <stdint.h>

#include "call.h"
#include "port.h"

#define MODE_READ 0                    /* SYS_OPEN, table of modes: "r" */
#define MODE_WRITE 4                   /* "w" */
#define EXIT_SUCCESS ((void *)0x20026) /* SYS_EXIT: ADP_Stopped_ApplicationExit */
#define EXIT_FAILURE ((void *)0x20023) /* SYS_EXIT: ADP_Stopped_RunTimeErrorUnknown */

static int32_t input;
static int32_t output;

static uint8_t received[512];
static uint32_t received_b;
static uint32_t taken_b;

/* The host's pipe holds 64 kB while nobody reads: the largest input of the benchmark, and more. */
const uint32_t port_receive_b = 32768;
const bool port_receives_free = true;

static char held_back[256];
static uint32_t held_back_b;

void semihosting_open(void) {
    /* By these names QEMU reads and writes the pipes directly, and sleeps in read() while the line
     * is idle; by ":tt" it would want a character device of its own between. */
    input = semihosting_file("/dev/stdin", MODE_READ);
    output = semihosting_file("/dev/stdout", MODE_WRITE);
}

/* Wait for more bytes; returns false when the host closed the line, or it cannot be read. Seldom
 * called: inlined it would cost each byte a stack frame. */
__attribute__((noinline)) static bool receive_more(void) {
    const uint32_t block[3] = {(uint32_t)input, (uint32_t)received, sizeof received};
    /* Sleeps in the host's read(); returns how many bytes of the block are left empty. */
    int32_t left_b = semihosting(SYS_READ, block);
    if (left_b < 0 || left_b >= (int32_t)sizeof received) {
        /* End the emulator. */
        semihosting(SYS_EXIT, left_b < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
        return false;
    }
    received_b = sizeof received - (uint32_t)left_b;
    taken_b = 0;
    return true;
}

int port_getc(void) {
    if (taken_b == received_b && !receive_more()) {
        return -1;
    }
    return received[taken_b++];
}

void port_putc(char c) {
    held_back[held_back_b++] = c;
    if (held_back_b == sizeof held_back) {
        port_flush();
    }
}

void port_flush(void) {
    if (held_back_b == 0) {
        return; /* a call stops the emulator, whatever it writes */
    }
    const uint32_t block[3] = {(uint32_t)output, (uint32_t)held_back, held_back_b};
    semihosting(SYS_WRITE, block);
    held_back_b = 0;
}

bool port_takes_baud(uint32_t baud) {
    (void)baud;
    return false;
}

void port_set_baud(uint32_t baud) {
    (void)baud;
}
