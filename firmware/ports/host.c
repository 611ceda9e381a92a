/* Port for an ordinary process: the serial line is its standard input and output, a terminal (then
 * with a rate) or a pipe. */
#define _DEFAULT_SOURCE /* the rates above 38400, cfmakeraw */

#include <stdio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "port.h"

/* The least that Linux holds, a terminal; a pipe holds 64 kB. */
const uint32_t port_receive_b = 4096;
const bool port_receives_free = true;

static const struct {
    uint32_t baud;
    speed_t speed;
} rates[] = {
    {9600, B9600},       {19200, B19200},     {38400, B38400},     {57600, B57600},
    {115200, B115200},   {230400, B230400},   {460800, B460800},   {500000, B500000},
    {921600, B921600},   {1000000, B1000000}, {1500000, B1500000}, {2000000, B2000000},
    {3000000, B3000000}, {4000000, B4000000},
};

static bool is_terminal;
static struct termios first;

void port_init(void) {
    setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
    is_terminal = tcgetattr(STDIN_FILENO, &first) == 0;
    if (is_terminal) {
        cfmakeraw(&first);
        tcsetattr(STDIN_FILENO, TCSANOW, &first);
    }
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

/* Return termios's name of a rate, B0 when it has none. */
static speed_t speed(uint32_t baud) {
    if (baud == 0) {
        return cfgetospeed(&first);
    }
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        if (rates[i].baud == baud) {
            return rates[i].speed;
        }
    }
    return B0;
}

bool port_takes_baud(uint32_t baud) {
    return is_terminal && speed(baud) != B0;
}

void port_set_baud(uint32_t baud) {
    struct termios line = first;
    cfsetspeed(&line, speed(baud));
    tcsetattr(STDIN_FILENO, TCSADRAIN, &line);
}

uint32_t port_micros(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    /* Wraps at 32 bits, as on a chip. */
    return (uint32_t)((uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u);
}

void port_align(void) {
}
