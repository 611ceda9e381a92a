/* Where a second core begins: vectors and a stack of its own, the FPU, then its jobs. */
#ifdef TB_SECOND_CORE
#include "second_core.h"

#include "cpu.h"
#include "second_vectors.h"

static uint64_t second_stack[SECOND_CORE_STACK_B / 8];

static void second_reset(void) {
    interrupts_off(); /* those of peripherals are the first core's */
    fpu_on();
    second_core_serve();
}

/* Its faults are silence, which the first core finds: the line and its stack are that one's. */
static void second_fault(void) {
    for (;;) {
        core_wait();
    }
}

/* Ref: Armv6-M ARM, B3.2.5, and RP2040 data sheet, 2.4.8: VTOR has no lower eight bits. */
__attribute__((aligned(256))) const Vector second_vectors[16] = {
    {.stack = second_stack + SECOND_CORE_STACK_B / 8},
    {.handler = second_reset},
    {.handler = second_fault},
    {.handler = second_fault},
    {.handler = second_fault},
    {.handler = second_fault},
    {.handler = second_fault},
    {.handler = second_fault},
    {.handler = second_fault},
    {.handler = second_fault},
    {.handler = second_fault},
    {.handler = second_fault},
    {.handler = second_fault},
    {.handler = second_fault},
    {.handler = second_fault},
    {.handler = second_fault},
};
#endif
