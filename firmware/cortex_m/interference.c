/* The core is kept for INTERFERE_INSTRUCTIONS, every INTERFERE_EVERY_US on the mean: as regularly
 * as another interrupt, or (INTERFERE_IRREGULAR) at times that nothing foretells, as flash is busy
 * with a write of somebody else. The same each time from reset on.
 *
 * Ref: Armv7-M Architecture Reference Manual, B3.3 (SysTick).
 */
#include "interference.h"

#ifdef INTERFERE_EVERY_US

#include <stdint.h>

#include "cpu.h"

#define SYST_CSR 0xE000E010u
#define SYST_RVR 0xE000E014u
#define SYST_CVR 0xE000E018u
#define CSR_ENABLE (1u << 0)
#define CSR_TICKINT (1u << 1)
#define CSR_CLKSOURCE (1u << 2) /* the core's clock */

#if CLOCK_HZ % 1000000 != 0 || CLOCK_HZ == 0
#error "interference needs a clock of whole megahertz: clock_hz in the board's declaration"
#endif
#define EVERY_TICKS ((uint64_t)INTERFERE_EVERY_US * (CLOCK_HZ / 1000000u))
#define PERIOD_MAX 0x1000000u /* of its 24 bits */
#define PERIOD_MIN 1000u      /* else it would be late before it is set */

static uint64_t left_ticks;   /* until it strikes */
static uint32_t period_ticks; /* of them, until the next interrupt */
static uint32_t drawn = 0x9E3779B9u;

/* Return the time to the next one: irregularly, anything up to twice the mean is as likely. */
static uint64_t next_ticks(void) {
    if (!INTERFERE_IRREGULAR) {
        return EVERY_TICKS;
    }
    /* Ref: G. Marsaglia, Xorshift RNGs, J. Stat. Software 8, 2003: 13, 17, 5. */
    drawn ^= drawn << 13;
    drawn ^= drawn >> 17;
    drawn ^= drawn << 5;
    uint64_t ticks = EVERY_TICKS * (drawn >> 8) >> 23;
    return ticks < PERIOD_MIN ? PERIOD_MIN : ticks;
}

static void arm(void) {
    period_ticks = PERIOD_MAX;
    if (left_ticks < 2 * (uint64_t)PERIOD_MAX) { /* never so little that it could not be set */
        period_ticks = (uint32_t)(left_ticks <= PERIOD_MAX ? left_ticks : left_ticks / 2);
    }
    register_write(SYST_RVR, period_ticks - 1);
    register_write(SYST_CVR, 0);
}

void interference_start(void) {
    left_ticks = next_ticks();
    arm();
    register_write(SYST_CSR, CSR_ENABLE | CSR_TICKINT | CSR_CLKSOURCE);
}

void interference_interrupt(void) {
    left_ticks -= period_ticks;
    if (left_ticks == 0) {
        uint32_t rounds = INTERFERE_INSTRUCTIONS / 2; /* of two instructions */
        __asm volatile("1: subs %0, #1\n"
                       "   bne 1b\n"
                       : "+l"(rounds)
                       :
                       : "cc");
        left_ticks = next_ticks();
    }
    arm();
}

#endif
