/* Port for the Arm MPS2 and MPS3 boards, whatever their FPGA image, as QEMU emulates them.
 *
 * The serial line is QEMU's own standard input and output, by semihosting: one host call a command,
 * 25 us from command to m-ready. The emulated UART0 wakes up for each byte, which makes it 1700 us.
 */
#include <stdint.h>
#include <string.h>

#include "port.h"

/* Operations. Ref: Arm, Semihosting for AArch32 and AArch64 (ARM-software/abi-aa, semihosting.rst).
 */
#define SYS_OPEN 0x01
#define SYS_WRITE 0x05
#define SYS_READ 0x06
#define SYS_EXIT 0x18
#define MODE_READ 0                    /* SYS_OPEN, table of modes: "r" */
#define MODE_WRITE 4                   /* "w" */
#define EXIT_SUCCESS ((void *)0x20026) /* SYS_EXIT: ADP_Stopped_ApplicationExit */
#define EXIT_FAILURE ((void *)0x20023) /* SYS_EXIT: ADP_Stopped_RunTimeErrorUnknown */

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

static int32_t input;
static int32_t output;

static uint8_t received[256];
static uint32_t received_b;
static uint32_t taken_b;

/* The host's pipe holds 64 kB while nobody reads. */
const uint32_t port_receive_b = 4096;

static char held_back[256];
static uint32_t held_back_b;

/* Ask the emulator for an operation; `argument` is a block of words. */
static int32_t semihosting(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = argument;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

static int32_t open_file(const char *path, uint32_t mode) {
    const uint32_t block[3] = {(uint32_t)path, mode, strlen(path)};
    return semihosting(SYS_OPEN, block);
}

void port_init(void) {
    /* By these names QEMU reads and writes the pipes directly, and sleeps in read() while the line
     * is idle; by ":tt" it would want a character device of its own between. */
    input = open_file("/dev/stdin", MODE_READ);
    output = open_file("/dev/stdout", MODE_WRITE);
    FPGAIO->PRESCALE = TICKS_PER_US - 1;
#ifdef TB_ENERGY
    PIN->BAUDDIV = 16;
    PIN->CTRL = UART_TXEN;
#endif
}

int port_getc(void) {
    if (taken_b == received_b) {
        const uint32_t block[3] = {(uint32_t)input, (uint32_t)received, sizeof received};
        /* Sleeps in the host's read(); returns how many bytes of the block are left empty. */
        int32_t left_b = semihosting(SYS_READ, block);
        if (left_b < 0 || left_b >= (int32_t)sizeof received) {
            /* The host closed the line, or it cannot be read at all: end the emulator. */
            semihosting(SYS_EXIT, left_b < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
            return -1;
        }
        received_b = sizeof received - (uint32_t)left_b;
        taken_b = 0;
    }
    return received[taken_b++];
}

void port_putc(char c) {
    held_back[held_back_b++] = c;
    if (held_back_b == sizeof held_back) {
        port_flush();
    }
}

void port_flush(void) {
    const uint32_t block[3] = {(uint32_t)output, (uint32_t)held_back, held_back_b};
    semihosting(SYS_WRITE, block);
    held_back_b = 0;
}

bool port_takes_baud(uint32_t baud) {
    (void)baud;
    return false;
}

void port_set_baud(uint32_t baud) {
    (void)baud;
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
