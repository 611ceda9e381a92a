/* Start the second core: its boot ROM waits for words by the FIFO between the cores, and echoes
 * them.
 *
 * Ref: RP2040 data sheet, 2.8.2 "Launching Code On Processor Core 1", 2.3.1.4 (FIFOs), 2.13 (PSM);
 * RP2350 data sheet, 5.3, 3.1.5, 7.4; of a Hazard3 the vectors are its mtvec.
 */
#ifdef TB_SECOND_CORE
#include "chip.h"
#include "cpu.h"
#include "port.h"
#ifdef HAZARD3
#include "second_start.h"
#define VECTORS ((uint32_t)second_start.fault)
#define STACK ((uint32_t)second_start.stack)
#define ENTRY ((uint32_t)second_start.entry)
#else
#include "second_vectors.h"
#define VECTORS ((uint32_t)second_vectors)
#define STACK ((uint32_t)second_vectors[0].stack)
#define ENTRY ((uint32_t)second_vectors[1].handler)
#endif

#define PSM_FRCE_OFF (PSM + 0x4)
#define FIFO_ST (SIO_FIFO + 0x0)
#define FIFO_ST_VLD (1u << 0) /* there is a word to read */
#define FIFO_ST_RDY (1u << 1) /* there is room for one */
#define FIFO_WR (SIO_FIFO + 0x4)
#define FIFO_RD (SIO_FIFO + 0x8)
#define FIFO_WORDS 8u
#define READS_MOST 1000000u /* some 0.1 s */
#define TRIED_MOST 16u

/* Forget what is there, and what an earlier image may have left the core at. */
static void reset_second_core(void) {
    register_set(PSM_FRCE_OFF, PSM_PROC1);
    register_comes(PSM_FRCE_OFF, PSM_PROC1, PSM_PROC1, READS_MOST);
    register_change(PSM_FRCE_OFF, PSM_PROC1, 0);
}

static void drain(void) {
    for (uint32_t words = 0; words < FIFO_WORDS; words++) {
        if ((register_read(FIFO_ST) & FIFO_ST_VLD) != 0) {
            register_read(FIFO_RD);
        }
    }
    core_signal();
}

/* Send a word; returns whether it came back. */
static bool echoed(uint32_t word) {
    if (!register_comes(FIFO_ST, FIFO_ST_RDY, FIFO_ST_RDY, READS_MOST)) {
        return false;
    }
    register_write(FIFO_WR, word);
    core_signal();
    return register_comes(FIFO_ST, FIFO_ST_VLD, FIFO_ST_VLD, READS_MOST) &&
           register_read(FIFO_RD) == word;
}

void port_core_signal(void) {
    core_signal();
}

#ifdef HAZARD3
/* No interrupt ends the first core's wait at the latest: it does not sleep. A function, so that an
 * emulator finds the end of a block behind the wait. */
__attribute__((noinline)) void port_core_wait(void) {
    if (on_second_core()) {
        core_wait();
    }
}
#else
/* SysTick's interrupts, some in a second, end the first core's wait as well. */
void port_core_wait(void) {
    core_wait();
}
#endif

void port_second_core_start(void) {
    const uint32_t words[] = {0, 0, 1, VECTORS, STACK, ENTRY};
    reset_second_core();
    uint32_t at = 0;
    for (uint32_t tried = 0; at < sizeof words / sizeof words[0] && tried < TRIED_MOST; tried++) {
        if (words[at] == 0) {
            drain();
        }
        at = echoed(words[at]) ? at + 1 : 0;
    }
}
#endif
