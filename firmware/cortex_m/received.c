/* One writer, the interrupt, and one reader, the core: each moves an index of its own. */
#include "received.h"

#include "cpu.h"

static volatile uint8_t bytes[RECEIVED_B];
/* Count on for ever; their difference is what is held. */
static volatile uint32_t put;
static volatile uint32_t taken;

void received_put(uint8_t byte) {
    if (put - taken < RECEIVED_B) {
        bytes[put % RECEIVED_B] = byte;
        put++;
    }
}

uint8_t received_get(void) {
    /* Off, so that no byte comes between the look and the sleep; it still ends the sleep. */
    interrupts_off();
    while (put == taken) {
        interrupt_wait();
        interrupts_on();
        interrupts_off();
    }
    interrupts_on();
    uint8_t byte = bytes[taken % RECEIVED_B];
    taken++;
    return byte;
}

bool received_any(void) {
    return put != taken;
}
