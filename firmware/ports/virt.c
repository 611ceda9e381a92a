/* Port for `virt`, the RISC-V machine of QEMU that stands for no real one. The serial line is
 * semihosting's.
 */
#include <stdint.h>

#include "port.h"
#include "semihosting.h"

#ifndef MTIME_ORIGIN
#error "the board's declaration lacks mtime_origin in [port]: the address of the machine timer"
#endif

/* Machine timer, 64 bits. Ref: RISC-V Privileged Architecture 20211203, 3.2.1. */
#define MTIME ((volatile uint32_t *)MTIME_ORIGIN)
#define MTIME_HZ 10000000u /* so in QEMU, hw/riscv/virt */
#define TICKS_PER_US (MTIME_HZ / 1000000)

/* What port_align adds to the timer. */
static uint64_t shift;

void port_init(void) {
    semihosting_open();
}

static uint64_t ticks(void) {
    uint32_t high, low;
    do {
        high = MTIME[1];
        low = MTIME[0];
    } while (high != MTIME[1]);
    return ((uint64_t)high << 32 | low) + shift;
}

uint32_t port_micros(void) {
    /* ticks / 10 in 32 bits, since a division of 64 bits takes as long as its operands want:
     * 2^32 = 10 * 429496729 + 6, and `high` is small. */
    uint64_t now = ticks();
    uint32_t high = (uint32_t)(now >> 32), low = (uint32_t)now;
    return high * (UINT32_MAX / TICKS_PER_US) + low / TICKS_PER_US +
           (high * 6 + low % TICKS_PER_US) / TICKS_PER_US;
}

void port_align(void) {
    /* An emulated instruction takes 32 ns, a tick of the timer 100 ns: four instructions in a row
     * fall into one tick only when the first falls on the tick itself, once every 25 instructions.
     * The loop has 7, so it finds that moment within 25 rounds. From there on, equal work takes
     * equal time. */
    uint32_t first, fourth;
    __asm volatile("1: lw %0, 0(%2)\n"
                   "   nop\n"
                   "   nop\n"
                   "   lw %1, 0(%2)\n"
                   "   nop\n"
                   "   nop\n"
                   "   bne %0, %1, 1b\n"
                   : "=&r"(first), "=&r"(fourth)
                   : "r"(MTIME));
    /* The same phase of the microsecond, too: forward to the next full one. */
    uint64_t now = ticks();
    uint32_t high = (uint32_t)(now >> 32), low = (uint32_t)now;
    shift += TICKS_PER_US - (high * 6 + low % TICKS_PER_US) % TICKS_PER_US;
}
