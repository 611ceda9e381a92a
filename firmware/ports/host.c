/* Port for an ordinary process: the serial line is its standard input and output, a terminal (then
 * with a rate) or a pipe.
 *
 * Firmware that hears (TB_STREAM) takes sound from a file: TINYBENCH_SOUND names one of plain
 * samples (int16, low byte first, one channel, 16 kHz), or a pipe that they come from, as from a
 * microphone. TINYBENCH_WIRES names a socket instead, of what plays and watches the pins: see
 * wires.
 */
#define _DEFAULT_SOURCE /* the rates above 38400, cfmakeraw */

#include <errno.h>
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

static uint8_t typed[4096];
static size_t typed_b;
static size_t taken_b;

int port_getc(void) {
    if (taken_b == typed_b) {
        ssize_t count;
        do {
            count = read(STDIN_FILENO, typed, sizeof typed);
        } while (count < 0 && errno == EINTR);
        if (count <= 0) {
            return -1;
        }
        typed_b = (size_t)count;
        taken_b = 0;
    }
    return typed[taken_b++];
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

#ifdef TB_SECOND_CORE
#include <pthread.h>

#include "second_core.h"

#define WAIT_NS 100000000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t signalled = PTHREAD_COND_INITIALIZER;
static bool has_event[2];
static _Thread_local uint32_t core; /* which of them this thread is */

/* A thread stands for the second core. */
static void *serve(void *unused) {
    (void)unused;
    core = 1;
    second_core_serve();
    return NULL;
}

void port_second_core_start(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, serve, NULL);
}

void port_core_signal(void) {
    pthread_mutex_lock(&lock);
    has_event[1 - core] = true;
    pthread_cond_broadcast(&signalled);
    pthread_mutex_unlock(&lock);
}

void port_core_wait(void) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += WAIT_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&lock);
    while (!has_event[core] && pthread_cond_timedwait(&signalled, &lock, &until) == 0) {
    }
    has_event[core] = false;
    pthread_mutex_unlock(&lock);
}
#endif

#ifdef TB_STREAM
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FRAME_US 32000u
#define FRAME_B 1024u

/* What plays to this process and watches its pins is another: over a socket it sends each frame of
 * 512 samples behind the time at which it came, in microseconds (four bytes, low byte first), and
 * is told of the pins by a letter: B processing pin high, b low, W wake-word pin. */
static int wires = -1;
static int sound = -1;
static bool sound_ended;
static uint8_t frame[4 + FRAME_B];
static size_t frame_b;
static uint32_t frames;

static void tell(char what) {
    if (wires >= 0 && send(wires, &what, 1, MSG_NOSIGNAL) < 0) {
        wires = -1; /* nobody watches any more */
    }
}

void port_busy(bool busy) {
    tell(busy ? 'B' : 'b');
}

void port_detected(void) {
    tell('W');
}

static void wires_connect(const char *path) {
    struct sockaddr_un there = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof there.sun_path) {
        return;
    }
    strcpy(there.sun_path, path);
    wires = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (wires >= 0 && connect(wires, (const struct sockaddr *)&there, sizeof there) != 0) {
        close(wires);
        wires = -1;
    }
}

bool port_sound_start(void) {
    const char *path = getenv("TINYBENCH_WIRES");
    if (path != NULL && wires < 0) {
        wires_connect(path);
    }
    while (wires >= 0 && recv(wires, frame, sizeof frame, MSG_DONTWAIT) > 0) {
        /* what was played to nobody */
    }
    sound = wires;
    path = getenv("TINYBENCH_SOUND");
    if (sound < 0 && path != NULL) {
        sound = open(path, O_RDONLY | O_CLOEXEC);
    }
    sound_ended = false;
    frame_b = 0;
    frames = 0;
    return sound >= 0;
}

/* Take what is there of a frame; return whether it is whole. */
static bool take(size_t whole_b) {
    const ssize_t count = read(sound, frame + frame_b, whole_b - frame_b);
    if (count == 0 || (count < 0 && errno != EINTR)) {
        sound_ended = true;
        return false;
    }
    frame_b += count > 0 ? (size_t)count : 0;
    return frame_b == whole_b;
}

bool port_sound_next(int16_t samples[512], uint32_t *came_us) {
    const size_t head_b = sound == wires ? 4 : 0;
    while (taken_b == typed_b) {
        struct pollfd any[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = sound_ended ? -1 : sound, .events = POLLIN}};
        if (poll(any, 2, -1) < 0 && errno != EINTR) {
            return false;
        }
        if (any[0].revents != 0) {
            return false;
        }
        if (any[1].revents != 0 && take(head_b + FRAME_B)) {
            frame_b = 0;
            *came_us = ++frames * FRAME_US; /* by the clock of the samples */
            if (head_b > 0) {
                memcpy(came_us, frame, head_b);
            }
            memcpy(samples, frame + head_b, FRAME_B);
            return true;
        }
    }
    return false;
}

uint32_t port_sound_lost(void) {
    return 0; /* what is not taken waits */
}

void port_sound_stop(void) {
    if (sound != wires) {
        close(sound);
    }
    sound = -1;
}
#endif
