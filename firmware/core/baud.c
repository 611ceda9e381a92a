/* The rate of the line: changed on demand, and changed back when nothing sensible comes at it. */
#include "baud.h"

#include "port.h"

/* Noise seldom spoils so much in a row; a host at another rate does so with its second command. */
#define DOUBTS_MAX 8

static bool changed;
static uint32_t doubts;

void baud_set(uint32_t baud) {
    changed = baud != 0;
    doubts = 0;
    port_set_baud(baud);
}

bool baud_doubt(void) {
    if (!changed || ++doubts < DOUBTS_MAX) {
        return false;
    }
    baud_set(0);
    return true;
}

void baud_trust(void) {
    doubts = 0;
}
