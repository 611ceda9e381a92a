/* A serial line as fast as its wire: a program on one end, a port for the host on the other.
 *
 *     paced_line LATENCY_MS NOISE_B PROGRAM [ARGUMENT...]
 *
 * starts PROGRAM on a pseudo-terminal as the device, prints the path of the host's port, and
 * carries bytes both ways until the device or the parent ends. A byte takes 10 bit times (8N1) at
 * the rate that its sender's end is set to. A receiver set to another rate samples the bits at its
 * own, and reads garbage. LATENCY_MS is that of a USB adapter: bytes to the host are held until
 * a packet of 62 is full or the first of them has waited so long (FTDI AN232B-04); 0 is none. One
 * byte in NOISE_B becomes another one, each way; 0 is none.
 */
#define _GNU_SOURCE
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_BAUD 115200
#define SECOND_NS 1000000000ull
#define MILLISECOND_NS 1000000ull
#define PACKET_B 62
/* Bytes taken ahead of the wire, so that a wire that wakes late has not stood still: 2 ms at 4 MBd.
 * What the sender has written beyond waits in its own kernel buffer, as with a real port. */
#define QUEUE_B 1024
/* Bytes of a stream are handed over this often; the last of a message exactly when it ends. */
#define STEP_NS 400000ull
#define NEVER UINT64_MAX
/* What a computer's serial driver holds for a program that does not read. */
#define HELD_B 65536

/* One way of the line. Times are of CLOCK_MONOTONIC. */
struct way {
    int from; /* masters of the two ends */
    int to;
    bool to_computer;
    uint64_t latency_ns;
    uint32_t noise_b;
    uint32_t chance;       /* state of xorshift */
    uint8_t byte[QUEUE_B]; /* ring of bytes on or before the wire */
    uint64_t end_ns[QUEUE_B];
    uint32_t baud[QUEUE_B];
    uint32_t first;
    uint32_t count;
    uint64_t idle_ns; /* when the wire has sent all of them */
    uint8_t held[HELD_B];
    uint32_t held_count;
    uint64_t held_since_ns;
};

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* Rate that an end is set to, in bits a second; a master answers for its slave. */
static uint32_t rate(int master) {
    struct termios2 settings;
    if (ioctl(master, TCGETS2, &settings) < 0 || settings.c_ospeed == 0) {
        return START_BAUD;
    }
    return settings.c_ospeed;
}

static void die(const char *what) {
    fprintf(stderr, "paced_line: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Open a raw pseudo-terminal at START_BAUD and return its master. */
static int open_end(void) {
    struct termios2 settings;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) {
        die("no pseudo-terminal");
    }
    memset(&settings, 0, sizeof settings);
    settings.c_cflag = CS8 | CREAD | CLOCAL | BOTHER;
    settings.c_ospeed = settings.c_ispeed = START_BAUD;
    settings.c_cc[VMIN] = 1;
    if (ioctl(master, TCSETS2, &settings) < 0) {
        die("settings of a pseudo-terminal");
    }
    return master;
}

static pid_t start(char **argv, int master) {
    pid_t parent = getpid();
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    pid_t child = slave < 0 ? -1 : fork();
    if (child < 0) {
        die("cannot start the device");
    }
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || dup2(slave, 0) < 0 || dup2(slave, 1) < 0) {
            _exit(126);
        }
        execvp(argv[0], argv);
        die(argv[0]);
    }
    close(slave);
    return child;
}

/* What a receiver at `to_baud` makes of a byte sent at `from_baud`: it samples each bit in the
 * middle of what it takes for one, after the edge of the start bit. */
static uint8_t sampled(uint8_t byte, uint32_t from_baud, uint32_t to_baud) {
    uint32_t wire = (uint32_t)byte << 1 | ~0u << 9; /* start bit, data, stop bits */
    uint8_t seen = 0;
    for (uint32_t bit = 0; bit < 8; bit++) {
        uint64_t at = (2ull * bit + 3) * from_baud / (2ull * to_baud);
        seen |= (uint8_t)((at > 31 ? 1 : wire >> at & 1) << bit);
    }
    return seen;
}

/* What becomes of a byte on a noisy wire. Ref: Marsaglia, "Xorshift RNGs", 2003. */
static uint8_t noisy(struct way *way, uint8_t byte) {
    if (way->noise_b == 0) {
        return byte;
    }
    way->chance ^= way->chance << 13;
    way->chance ^= way->chance >> 17;
    way->chance ^= way->chance << 5;
    bool hit = way->chance % way->noise_b == 0;
    return hit ? (uint8_t)(byte ^ (1 + (way->chance >> 24) % 255)) : byte;
}

/* Take what the sender has written at a rate onto the wire, as far as there is room. */
static void take(struct way *way, uint32_t baud) {
    uint8_t data[QUEUE_B];
    ssize_t got = read(way->from, data, QUEUE_B - way->count);
    uint64_t now = now_ns();
    for (ssize_t i = 0; i < got; i++) {
        uint32_t slot = (way->first + way->count++) % QUEUE_B;
        /* The fraction of a nanosecond is rounded up: never faster than the wire. */
        uint64_t begin = way->idle_ns > now ? way->idle_ns : now;
        way->idle_ns = begin + (10 * SECOND_NS + baud - 1) / baud;
        way->byte[slot] = noisy(way, data[i]);
        way->end_ns[slot] = way->idle_ns;
        way->baud[slot] = baud;
    }
}

/* Hand over what has reached the other end. A receiver that does not read loses what comes when its
 * buffers are full, as on a line without flow control: the host's 64 kB, the device's 4. */
static void deliver(struct way *way, uint64_t now) {
    uint32_t baud = rate(way->to);
    while (way->count > 0 && way->end_ns[way->first] <= now) {
        if (way->held_count == 0) {
            way->held_since_ns = way->end_ns[way->first];
        }
        if (way->held_count < HELD_B) {
            way->held[way->held_count++] =
                sampled(way->byte[way->first], way->baud[way->first], baud);
        }
        way->first = (way->first + 1) % QUEUE_B;
        way->count--;
    }
    uint32_t ready = way->held_count;
    if (now < way->held_since_ns + way->latency_ns) {
        ready -= ready % PACKET_B;
    }
    if (ready == 0) {
        return;
    }
    ssize_t written = write(way->to, way->held, ready);
    if (!way->to_computer) {
        written = ready;
    }
    if (written <= 0) {
        way->held_since_ns = now + MILLISECOND_NS; /* full: try again then */
        return;
    }
    way->held_count -= (uint32_t)written;
    memmove(way->held, way->held + written, way->held_count);
    way->held_since_ns = now;
}

/* When this way wants to hand over next. */
static uint64_t due(const struct way *way, uint64_t now) {
    uint64_t due_ns = NEVER;
    if (way->held_count > 0) {
        due_ns = way->held_since_ns + way->latency_ns;
    }
    if (way->count > 0) {
        uint64_t last = way->end_ns[(way->first + way->count - 1) % QUEUE_B];
        uint64_t step =
            now + STEP_NS > way->end_ns[way->first] ? now + STEP_NS : way->end_ns[way->first];
        uint64_t wire = last < step ? last : step;
        due_ns = wire < due_ns ? wire : due_ns;
    }
    return due_ns;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fputs("usage: paced_line LATENCY_MS NOISE_B PROGRAM [ARGUMENT...]\n", stderr);
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_TIMERSLACK, 1);
    /* On a busy computer neither the wire nor the device, which would have a processor of its own,
     * must wait for their turn. Where that is not allowed they may be late, never early. */
    struct sched_param urgent = {.sched_priority = 1};
    sched_setscheduler(0, SCHED_FIFO, &urgent);

    static struct way to_device;
    static struct way to_host;
    int host = open_end();
    int device = open_end();
    to_device.from = to_host.to = host;
    to_device.to = to_host.from = device;
    to_host.to_computer = true;
    to_host.latency_ns = strtoull(argv[1], NULL, 10) * MILLISECOND_NS;
    to_device.noise_b = to_host.noise_b = (uint32_t)strtoul(argv[2], NULL, 10);
    to_device.chance = 1;
    to_host.chance = 2;
    pid_t child = start(argv + 3, device);
    printf("%s\n", ptsname(host));
    fflush(stdout);

    bool closed = false; /* nobody has the host's port open */
    uint32_t device_baud = START_BAUD;
    while (waitpid(child, NULL, WNOHANG) == 0) {
        uint64_t now = now_ns();
        deliver(&to_device, now);
        deliver(&to_host, now);
        uint64_t until = due(&to_device, now);
        uint64_t until_host = due(&to_host, now);
        until = until < until_host ? until : until_host;
        uint64_t idle = now + (closed ? 1 : 100) * MILLISECOND_NS;
        until = until < idle ? until : idle;
        uint64_t wait = until > now ? until - now : 0;
        struct timespec timeout = {(time_t)(wait / SECOND_NS), (long)(wait % SECOND_NS)};
        struct pollfd ends[2] = {
            {.fd = to_device.count < QUEUE_B && !closed ? host : -1, .events = POLLIN},
            {.fd = to_host.count < QUEUE_B ? device : -1, .events = POLLIN},
        };
        int found = ppoll(ends, 2, &timeout, NULL);
        closed = found > 0 && (ends[0].revents & POLLHUP) != 0;
        if (found > 0 && (ends[0].revents & POLLIN) != 0) {
            take(&to_device, rate(host));
        }
        /* A host changes its rate and then sends. A device answers, and then changes its rate: what
         * it has written may still have to be taken. */
        if (found > 0 && (ends[1].revents & POLLIN) != 0) {
            take(&to_host, device_baud);
        } else if (to_host.count < QUEUE_B) {
            device_baud = rate(device);
        }
    }
    return 0;
}
