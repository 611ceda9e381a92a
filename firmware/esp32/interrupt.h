/* The one interrupt of a port: that of its line. Ref: "Interrupt Matrix". */
#ifndef TINYBENCH_ESP32_INTERRUPT_H
#define TINYBENCH_ESP32_INTERRUPT_H

#include "chip.h"
#include "cpu.h"

#define LINE_INTERRUPT 1u

/* What the core jumps to. */
#ifndef TB_FAKE_REGISTERS
__attribute__((interrupt("machine"), used))
#endif
void line_interrupt(void);

/* Lead a peripheral's interrupt to the core, by the register that says to which of the core's. */
static inline void line_interrupt_on(uint32_t map) {
    register_write(map, LINE_INTERRUPT);
    register_write(INTERRUPT_PRIORITY(LINE_INTERRUPT), 2);
    register_write(INTERRUPT_THRESHOLD, 1);
    register_set(INTERRUPT_ENABLE, 1u << LINE_INTERRUPT);
    core_interrupt_enable(LINE_INTERRUPT);
    interrupts_on();
}

#endif
