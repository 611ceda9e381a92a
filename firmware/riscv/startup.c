/* RISC-V start-up (RV32, machine mode only): memory made ready for C, the stack guarded, faults
 * reported.
 *
 * Registers: The RISC-V Instruction Set Manual, Volume II: Privileged Architecture, 20211203.
 */
#include <stdint.h>
#include <string.h>

#include "port.h"
#include "text.h"

/* Placed by link.ld. */
extern uint8_t stack_guard[];
extern uint8_t trap_vectors[]; /* `trap`, or a port's table of what interrupts and exceptions do */
extern uint8_t data_load[], data_start[], data_end[], bss_start[], bss_end[];
extern void (*const constructors_start[])(void), (*const constructors_end[])(void);

#define STACK_GUARD_B 4096u /* as in link.ld; a power of two, to which stack_guard is aligned */

/* 3.7.1, pmpcfg: locked, so that it holds for machine mode too; naturally aligned; no access. */
#define PMP_LOCKED 0x80u
#define PMP_NAPOT 0x18u

int main(void);
void reset(void);
void start(void);
void trap(void);
void report_trap(void);

/* The registers of the core are an extension of their own, which no -march of RV32IMAC names. */
__asm(".option arch, +zicsr");

#define READ(csr)                                                                                  \
    __extension__({                                                                                \
        uint32_t value;                                                                            \
        __asm volatile("csrr %0, " #csr : "=r"(value));                                            \
        value;                                                                                     \
    })
#define WRITE(csr, value) __asm volatile("csrw " #csr ", %0" ::"r"(value) : "memory")

/* Interrupts are off after reset (3.1.6.1), and on only where a port takes some. */
__attribute__((naked, used, section(".reset"))) void reset(void) {
    __asm volatile(".option push\n"
                   ".option norelax\n"
                   "la gp, __global_pointer$\n"
                   ".option pop\n"
                   "la sp, stack_top\n"
                   "j start\n");
}

__attribute__((noreturn)) static void stop(void) {
    for (;;) {
        __asm volatile("wfi");
    }
}

__attribute__((used, noreturn)) void start(void) {
    WRITE(mtvec, (uint32_t)trap_vectors); /* 3.1.7: exceptions go to its beginning */
    memcpy(data_start, data_load, (size_t)(data_end - data_start));
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    WRITE(pmpaddr0, (uint32_t)stack_guard >> 2 | (STACK_GUARD_B / 8 - 1));
    WRITE(pmpcfg0, PMP_LOCKED | PMP_NAPOT);
    for (void (*const *construct)(void) = constructors_start; construct < constructors_end;
         construct++) {
        (*construct)();
    }
    main();
    stop();
}

/* Go on with a fresh stack: the old one may be what broke. Aligned, as mtvec demands. */
__attribute__((naked, aligned(4))) void trap(void) {
    __asm volatile("la sp, stack_top\n"
                   "j report_trap\n");
}

/* Say where the program counter was, then stop: what memory holds can no longer be trusted. */
__attribute__((used, noreturn)) void report_trap(void) {
    uint32_t pc = READ(mepc);
    if (READ(mtval) - (uint32_t)stack_guard < STACK_GUARD_B) { /* 3.1.16: the address touched */
        text("\r\ne-[Hard fault: stack overflow]\r\n");
    } else {
        text("\r\ne-[Hard fault at 0x");
        for (uint32_t shift = 32; shift > 0; shift -= 8) {
            text_hex((uint8_t)(pc >> (shift - 8)));
        }
        text("]\r\n");
    }
    port_flush();
    stop();
}
