/* Port for an ordinary process: the serial line is its standard input and output. */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <time.h>

#include "port.h"

void port_init(void) {
    setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
}

int port_getc(void) {
    int c = getchar();
    return c == EOF ? -1 : c;
}

void port_putc(char c) {
    putchar(c);
}

void port_flush(void) {
    fflush(stdout);
}

uint32_t port_micros(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    /* Wraps at 32 bits, as on a chip. */
    return (uint32_t)((uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u);
}

void port_align(void) {
}
