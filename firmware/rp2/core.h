/* What a Cortex-M and the RP2350's Hazard3 have each in its own way: time, and the interrupt of the
 * line. */
#ifndef TINYBENCH_CORE_H
#define TINYBENCH_CORE_H

#include <stdint.h>

#include "chip.h"
#include "cpu.h"

#ifdef HAZARD3
#if !defined __riscv && !defined TB_FAKE_REGISTERS
#error "hazard3 in [port] of the board's declaration: its compiler is not one for RISC-V"
#endif

#ifdef TB_FAKE_REGISTERS
#define LINE_HANDLER
static inline void line_interrupt_let(uint32_t word) {
    register_write(0xBE0u, word);
}
#else
#define LINE_HANDLER __attribute__((interrupt("machine")))
/* RP2350 data sheet, 3.8.6 "Interrupts": MEIEA, a window of 16 bits; then MEIE of mie. */
static inline void line_interrupt_let(uint32_t word) {
    __asm volatile(".option push\n .option arch, +zicsr\n csrs 0xBE0, %0\n csrs mie, %1\n"
                   " .option pop" ::"r"(word),
                   "r"(1u << 11)
                   : "memory");
}
#endif

static inline void core_interrupt_enable(uint32_t number) {
    line_interrupt_let(1u << (16 + number % 16) | number / 16);
    interrupts_on();
}

/* 3.1.8 "RISC-V platform timer", which counts what the tick generator (8.5) makes of the crystal:
 * microseconds. */
_Static_assert(PLL_SOURCE_HZ % 1000000 == 0 && PLL_SOURCE_HZ / 1000000 < 512,
               "a whole number of the crystal's periods is a microsecond");
#define TICKS_RISCV_CTRL (TICKS + 0x3C)
#define TICKS_ENABLE (1u << 0)
#define TICKS_RUNNING (1u << 1)
#define TICKS_RISCV_CYCLES (TICKS + 0x40)

/* From 0, and from the beginning of a microsecond. */
static inline void core_time_restart(void) {
    register_write(TICKS_RISCV_CTRL, 0);
    register_wait(TICKS_RISCV_CTRL, TICKS_RUNNING, 0);
    register_write(MTIMEH, 0);
    register_write(MTIME, 0);
    register_write(TICKS_RISCV_CTRL, TICKS_ENABLE);
    register_wait(TICKS_RISCV_CTRL, TICKS_RUNNING, TICKS_RUNNING);
}

static inline void core_time_start(void) {
    register_write(TICKS_RISCV_CYCLES, PLL_SOURCE_HZ / 1000000u);
    register_write(MTIME_CTRL, 1); /* on, by ticks */
    core_time_restart();
}

static inline uint32_t core_micros(void) {
    return register_read(MTIME);
}
#else
#include "systick.h"

#define LINE_HANDLER

static inline void core_interrupt_enable(uint32_t number) {
    interrupt_enable(number);
}

static inline void core_time_start(void) {
    systick_start();
}

static inline uint32_t core_micros(void) {
    return systick_micros();
}
#endif

#endif
