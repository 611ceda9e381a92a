/* Cortex-M start-up: vector table, memory and FPU made ready for C, faults reported. */
#include <stdint.h>
#include <string.h>

#include "cpu.h"
#include "interference.h"
#include "port.h"
#include "second_vectors.h"
#include "systick.h"
#include "text.h"

/* Placed by link.ld. */
extern uint32_t stack_limit[], stack_top[];
extern uint8_t data_load[], data_start[], data_end[], bss_start[], bss_end[];
extern uint8_t coupled_code_load[], coupled_code_start[], coupled_code_end[];
extern uint8_t coupled_bss_start[], coupled_bss_end[];
extern void (*const constructors_start[])(void), (*const constructors_end[])(void);

int main(void);
void reset(void);
void fault(void);
void report_fault(const uint32_t *frame);

#ifdef INTERFERE_EVERY_US
#define SYSTICK_INTERRUPT interference_interrupt
#else
#define SYSTICK_INTERRUPT systick_interrupt
#endif

/* The core's own handlers; those of a port's interrupts follow them, in its section .interrupts. */
__attribute__((section(".vectors"), used)) const Vector vectors[16] = {
    {.stack = stack_top}, {.handler = reset}, {.handler = fault}, {.handler = fault},
    {.handler = fault},   {.handler = fault}, {.handler = fault}, {.handler = fault},
    {.handler = fault},   {.handler = fault}, {.handler = fault}, {.handler = fault},
    {.handler = fault},   {.handler = fault}, {.handler = fault}, {.handler = SYSTICK_INTERRUPT},
};

void reset(void) {
    interrupts_off();
    fpu_on();
#ifndef __ARM_ARCH_6M__ /* some of these have no such register */
    /* Whoever started this image, a boot loader, say, may have had handlers of its own.
     * Ref: Armv7-M ARM, B3.2.5 VTOR. */
    register_write(0xE000ED08, (uint32_t)vectors);
#endif
    memcpy(data_start, data_load, (size_t)(data_end - data_start));
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    /* Tightly coupled memories are on after reset. Ref: ST, RM0455, 2.4; Arm, Cortex-M7 TRM. */
    memcpy(coupled_code_start, coupled_code_load, (size_t)(coupled_code_end - coupled_code_start));
    memset(coupled_bss_start, 0, (size_t)(coupled_bss_end - coupled_bss_start));
    for (void (*const *construct)(void) = constructors_start; construct < constructors_end;
         construct++) {
        (*construct)();
    }
    interrupts_on();
#ifdef INTERFERE_EVERY_US
    interference_start();
#endif
    main();
    for (;;) {
        interrupt_wait();
    }
}

/* Hand the stacked registers over, on a fresh stack: the old one may be what broke. */
__attribute__((naked)) void fault(void) {
    __asm volatile("mov r0, sp\n"
                   "ldr r1, =stack_top\n"
                   "msr msp, r1\n"
                   "bl report_fault\n"); /* a branch of Armv6-M would not reach it */
}

/* Say where the program counter was, then stop: what memory holds can no longer be trusted. */
__attribute__((used, noreturn)) void report_fault(const uint32_t *frame) {
    if (frame >= stack_limit && frame + 8 <= stack_top) {
        uint32_t pc = frame[6]; /* Ref: Armv7-M ARM, B1.5.6, exception frame */
        text("\r\ne-[Hard fault at 0x");
        for (uint32_t shift = 32; shift > 0; shift -= 8) {
            text_hex((uint8_t)(pc >> (shift - 8)));
        }
        text("]\r\n");
    } else {
        text("\r\ne-[Hard fault: stack overflow]\r\n");
    }
    port_flush();
    for (;;) {
        interrupt_wait();
    }
}
