/* Microseconds from SysTick: its periods are counted by interrupt, seven a second, with no more
 * than six instructions each, so that a timed window loses less than one instruction in a million.
 *
 * Ref: Armv7-M Architecture Reference Manual, B3.3 (SysTick) and B3.2.4 (ICSR).
 */
#include "systick.h"

#include "cpu.h"

#define SYST_CSR 0xE000E010u
#define SYST_RVR 0xE000E014u
#define SYST_CVR 0xE000E018u
#define CSR_ENABLE (1u << 0)
#define CSR_TICKINT (1u << 1)
#define CSR_CLKSOURCE (1u << 2) /* the core's clock */
#define ICSR 0xE000ED04u
#define ICSR_PENDSTSET (1u << 26)
#define ICSR_PENDSTCLR (1u << 25)

#if CLOCK_HZ % 1000000 == 0 && CLOCK_HZ > 0
#define TICKS_PER_US (CLOCK_HZ / 1000000u)
#else /* a board whose port does not come here */
#define TICKS_PER_US 1u
#endif
#define PERIOD_US (0x1000000u / TICKS_PER_US) /* whole microseconds in its 24 bits */
#define LAST_TICK (PERIOD_US * TICKS_PER_US - 1u)

static volatile uint32_t began_us; /* when the period began that is running */

void systick_interrupt(void) {
    began_us += PERIOD_US;
}

void systick_start(void) {
    register_write(SYST_RVR, LAST_TICK);
    register_write(SYST_CVR, 0);
    register_write(SYST_CSR, CSR_ENABLE | CSR_TICKINT | CSR_CLKSOURCE);
}

/* Return the time while interrupts are off. */
static uint32_t now_us(void) {
    uint32_t left = register_read(SYST_CVR);
    uint32_t us = began_us;
    if ((register_read(ICSR) & ICSR_PENDSTSET) != 0) {
        /* A period ended, and is not counted yet; `left` may still be of that one. */
        left = register_read(SYST_CVR);
        us += PERIOD_US;
    }
    return us + (LAST_TICK - left) / TICKS_PER_US;
}

uint32_t systick_micros(void) {
    interrupts_off();
    uint32_t us = now_us();
    interrupts_on();
    return us;
}

void systick_align(void) {
    /* A new period begins here: from the first instruction on, its ticks and its interrupt come at
     * the same places in equal work. Less than a microsecond is lost, before the window. */
    interrupts_off();
    uint32_t us = now_us();
    register_write(SYST_CVR, 0);
    register_write(ICSR, ICSR_PENDSTCLR);
    began_us = us;
    interrupts_on();
}
