/* Port for Nordic's nRF51, as QEMU emulates it in the BBC micro:bit. The serial line is
 * semihosting's.
 */
#include <stdint.h>

#include "port.h"
#include "semihosting.h"

/* Ref: Nordic, nRF51 Series Reference Manual v3.0, 18 Timer/counter. */
typedef struct {
    volatile uint32_t START; /* 0x000 */
    uint32_t unused_1[15];
    volatile uint32_t CAPTURE[4]; /* 0x040: write the count to CC */
    uint32_t unused_2[302];
    volatile uint32_t BITMODE; /* 0x508 */
    uint32_t unused_3;
    volatile uint32_t PRESCALER; /* 0x510: 16 MHz / 2^PRESCALER */
    uint32_t unused_4[11];
    volatile uint32_t CC[4]; /* 0x540 */
} Timer;
_Static_assert(sizeof(Timer) == 0x550, "the registers are where the manual has them");
#define MICROS ((Timer *)0x40008000u)
#define PHASE ((Timer *)0x40009000u)
#define BITS_16 0u
#define BITS_32 3u

static void start(Timer *timer, uint32_t bits, uint32_t prescaler) {
    timer->BITMODE = bits;
    timer->PRESCALER = prescaler;
    timer->START = 1;
}

void port_init(void) {
    semihosting_open();
    start(MICROS, BITS_32, 4); /* 1 MHz */
    start(PHASE, BITS_16, 7);  /* 125 kHz */
}

uint32_t port_micros(void) {
    MICROS->CAPTURE[0] = 1;
    return MICROS->CC[0];
}

void port_align(void) {
    /* An emulated instruction takes 64 ns, a tick of PHASE 8000 ns, which are 125 instructions: it
     * falls between two in a row in one of 125 places. The loop has 6, so it finds that place
     * within 125 rounds. From there on, equal work takes equal time, for 8000 ns are whole
     * microseconds. */
    uint32_t first, second;
    __asm volatile("1: str %2, [%3, #0]\n"
                   "   str %2, [%3, #4]\n"
                   "   ldr %0, [%4, #0]\n"
                   "   ldr %1, [%4, #4]\n"
                   "   cmp %0, %1\n"
                   "   beq 1b\n"
                   : "=&l"(first), "=&l"(second)
                   : "l"(1), "l"(PHASE->CAPTURE), "l"(PHASE->CC)
                   : "cc", "memory");
}
