/* Where a second core begins: a stack of its own, the pointer to what is near, then its jobs. */
#ifdef TB_SECOND_CORE
#include "second_core.h"

#include <stdint.h>

#include "cpu.h"
#include "second_start.h"

static uint64_t second_stack[SECOND_CORE_STACK_B / 8] __attribute__((aligned(16)));

__attribute__((naked)) static void second_reset(void) {
    __asm volatile(".option push\n"
                   ".option norelax\n"
                   "la gp, __global_pointer$\n"
                   ".option pop\n"
                   "j second_core_serve\n");
}

/* Its faults are silence, which the first core finds: the line and its stack are that one's.
 * Aligned, as mtvec demands. */
__attribute__((aligned(4))) static void second_fault(void) {
    for (;;) {
        core_wait();
    }
}

const SecondStart second_start = {
    second_fault,
    second_stack + SECOND_CORE_STACK_B / 8,
    second_reset,
};

bool on_second_core(void) {
    uint32_t here = (uint32_t)__builtin_frame_address(0);
    return here - (uint32_t)second_stack < SECOND_CORE_STACK_B;
}
#endif
