/* Port for the Arm MPS2 and MPS3 boards, whatever their FPGA image, as QEMU emulates them. The
 * serial line is semihosting's.
 */
#include <stdint.h>

#include "cpu.h"
#include "port.h"
#include "second_vectors.h"
#include "semihosting.h"

#ifndef FPGAIO_ORIGIN
#error "the board's declaration lacks fpgaio_origin in [port]: the address of the FPGA's registers"
#endif

/* Counters of the FPGA. Ref: Arm DAI 0386 (AN386), FPGA system control and I/O; the later images
 * have the same registers elsewhere. */
typedef struct {
    uint32_t unused[6];
    volatile uint32_t COUNTER;  /* 0x18: counts up whenever PSCNTR starts over */
    volatile uint32_t PRESCALE; /* 0x1C: what PSCNTR starts over from */
    volatile uint32_t PSCNTR;   /* 0x20: counts down with PSCNTR_HZ */
} Fpgaio;
#define FPGAIO ((Fpgaio *)FPGAIO_ORIGIN)
#define PSCNTR_HZ 25000000u /* so in QEMU; mps2-fpgaio.prescale-clk sets it for AN505 and later */
#define TICKS_PER_US (PSCNTR_HZ / 1000000)

#ifdef TB_ENERGY
#ifndef PIN_UART_ORIGIN
#error "the board's declaration lacks pin_uart_origin in [port]: this board has no timing pin"
#endif
/* Ref: Arm DDI 0479, CMSDK APB UART. */
typedef struct {
    volatile uint32_t DATA;    /* 0x00 */
    volatile uint32_t STATE;   /* 0x04: bit 0, the transmitter is full */
    volatile uint32_t CTRL;    /* 0x08: bit 0 enables the transmitter */
    volatile uint32_t INTSTAT; /* 0x0C */
    volatile uint32_t BAUDDIV; /* 0x10: at least 16 */
} Uart;
#define PIN ((Uart *)PIN_UART_ORIGIN)
#define UART_TXFULL 1u
#define UART_TXEN 1u
#endif

#ifdef TB_SECOND_CORE
#ifndef SYSTEM_CONTROL_ORIGIN
#error "the board's declaration lacks system_control_origin in [port]: what starts its second core"
#endif
/* Ref: Arm 101104, SSE-200 Technical Reference Manual, "System control register block", "Message
 * Handling Unit", "CPU identity". */
#define INITSVTOR1 (SYSTEM_CONTROL_ORIGIN + 0x114)
#define CPUWAIT (SYSTEM_CONTROL_ORIGIN + 0x118)
#define CPUWAIT_1 (1u << 1)

#define CPUID 0x5001F000u /* reads as 0 by the first core, as 1 by the other */
#define MHU0_CPU1INTR_SET 0x50003014u
#define MHU0_CPU1INTR_CLR 0x50003018u
#define MHU0_INTERRUPT 6u
#define NVIC_ICPR 0xE000E280u

void port_second_core_start(void) {
    register_write(INITSVTOR1, (uint32_t)second_vectors);
    register_change(CPUWAIT, CPUWAIT_1, 0);
}

void port_core_signal(void) {
    core_signal();
    if (register_read(CPUID) == 0) {
        register_write(MHU0_CPU1INTR_SET, 1);
    }
}

/* The second core sleeps until it is asked, so that no emulated time passes by its waiting. The
 * first one's waits are short; QEMU's WFE returns at once, where the FPGA would need a timer. */
void port_core_wait(void) {
    if (register_read(CPUID) == 0) {
        core_wait();
        return;
    }
    interrupt_enable(MHU0_INTERRUPT);
    interrupt_wait(); /* interrupts are off: it stays pending */
    register_write(MHU0_CPU1INTR_CLR, 1);
    register_write(NVIC_ICPR, 1u << MHU0_INTERRUPT);
}
#endif

void port_init(void) {
    semihosting_open();
    FPGAIO->PRESCALE = TICKS_PER_US - 1;
#ifdef TB_ENERGY
    PIN->BAUDDIV = 16;
    PIN->CTRL = UART_TXEN;
#endif
}

uint32_t port_micros(void) {
    return FPGAIO->COUNTER;
}

void port_align(void) {
    /* An emulated instruction takes 32 ns, a tick of PSCNTR 40 ns: two reads in a row see the same
     * value only when the first falls on the tick itself, once every 5 instructions. The loop has
     * 4, so it finds that moment within 5 rounds. From there on, equal work takes equal time. */
    uint32_t first, second;
    __asm volatile("1: ldr %0, [%2]\n"
                   "   ldr %1, [%2]\n"
                   "   cmp %0, %1\n"
                   "   bne 1b\n"
                   : "=&l"(first), "=&l"(second)
                   : "l"(&FPGAIO->PSCNTR)
                   : "cc");
    FPGAIO->PSCNTR = TICKS_PER_US - 1;
}

#ifdef TB_ENERGY
void port_mark(void) {
    /* The emulated timing pin is a second UART: an edge is the emulated microsecond it falls in, as
     * eight hex digits and a newline, for whoever stands in for the energy monitor. */
    uint32_t micros = port_micros();
    for (uint32_t digit = 0; digit < 9; digit++) {
        while ((PIN->STATE & UART_TXFULL) != 0) {
        }
        PIN->DATA = digit == 8 ? '\n' : (uint32_t)"0123456789abcdef"[micros >> 28];
        micros <<= 4;
    }
}
#endif
