/* What C cannot say of a core: registers in memory, and interrupts. Of a Cortex-M, and of a RISC-V
 * in machine mode. */
#ifndef TINYBENCH_CPU_H
#define TINYBENCH_CPU_H

#include <stdbool.h>
#include <stdint.h>

#ifdef TB_FAKE_REGISTERS /* a test builds a port for the host, and brings these functions itself   \
                          */
uint32_t register_read(uint32_t address);
void register_write(uint32_t address, uint32_t value);
void interrupts_off(void);
void interrupts_on(void);
void interrupt_wait(void);

static inline void barrier(void) {
}
#else

static inline uint32_t register_read(uint32_t address) {
    return *(volatile const uint32_t *)address;
}

static inline void register_write(uint32_t address, uint32_t value) {
    *(volatile uint32_t *)address = value;
}

#ifdef __riscv
/* Ref: Privileged Architecture 20211203, 3.1.6.1, MIE of mstatus. */
static inline void interrupts_off(void) {
    __asm volatile(".option push\n .option arch, +zicsr\n csrci mstatus, 8\n .option pop" ::
                       : "memory");
}

static inline void interrupts_on(void) {
    __asm volatile(".option push\n .option arch, +zicsr\n csrsi mstatus, 8\n .option pop" ::
                       : "memory");
}

static inline void interrupt_wait(void) {
    __asm volatile("wfi" ::: "memory");
}

/* Let whatever another Hazard3 waits for be seen, and wake it; and wait for that, or an interrupt.
 * On other cores these two do nothing. Ref: RP2350 data sheet, 3.8.6.3, h3.unblock and h3.block. */
static inline void core_signal(void) {
    __asm volatile("fence rw, rw\n slt x0, x0, x1" ::: "memory");
}

static inline void core_wait(void) {
    __asm volatile("slt x0, x0, x0" ::: "memory");
}
#else
static inline void interrupts_off(void) {
    __asm volatile("cpsid i" ::: "memory");
}

static inline void interrupts_on(void) {
    /* What is pending is taken before the next instruction. */
    __asm volatile("cpsie i\n isb" ::: "memory");
}

/* What was written before has its effect on what is executed after. */
static inline void barrier(void) {
    __asm volatile("dsb\n isb" ::: "memory");
}

/* Let whatever another core waits for be seen, and wake it; and wait for that, or an interrupt.
 * Ref: Armv7-M ARM, B1.5.18 Wait For Event and Send Event. */
static inline void core_signal(void) {
    __asm volatile("dsb\n sev" ::: "memory");
}

static inline void core_wait(void) {
    __asm volatile("wfe" ::: "memory");
}

/* Full access to coprocessors 10 and 11, the FPU and the vector unit, where there are any.
 * Ref: Armv7-M ARM, B3.2.20 CPACR; the same in Armv8-M. */
static inline void fpu_on(void) {
#if defined __ARM_FP || defined __ARM_FEATURE_MVE
    register_write(0xE000ED88, register_read(0xE000ED88) | 0xFu << 20);
    barrier();
#endif
}

/* Sleep until there is an interrupt to take; also while they are off, when it stays pending. */
static inline void interrupt_wait(void) {
    __asm volatile("dsb\n wfi" ::: "memory");
}
#endif

#endif

/* Set the bits of `mask` to those of `bits`. */
static inline void register_change(uint32_t address, uint32_t mask, uint32_t bits) {
    register_write(address, (register_read(address) & ~mask) | bits);
}

static inline void register_set(uint32_t address, uint32_t bits) {
    register_change(address, bits, bits);
}

/* Wait until the bits of `mask` are `bits`. */
static inline void register_wait(uint32_t address, uint32_t mask, uint32_t bits) {
    while ((register_read(address) & mask) != bits) {
    }
}

/* As register_wait, but give up after so many reads; returns whether the bits are `bits`. */
static inline bool register_comes(uint32_t address, uint32_t mask, uint32_t bits, uint32_t reads) {
    while ((register_read(address) & mask) != bits) {
        if (--reads == 0) {
            return false;
        }
    }
    return true;
}

/* Let an external interrupt through. Ref: Armv7-M ARM, B3.4.4 NVIC_ISER. */
static inline void interrupt_enable(uint32_t number) {
    register_write(0xE000E100u + number / 32 * 4, 1u << number % 32);
}

/* A handler in the vector table. */
typedef void (*Handler)(void);

#endif
