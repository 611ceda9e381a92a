/* The serial line by semihosting: the operations, and the functions of port.h that they make. */
#include <stdint.h>
#include <string.h>

#include "port.h"
#include "semihosting.h"

/* Operations. Ref: Arm, Semihosting for AArch32 and AArch64 (ARM-software/abi-aa, semihosting.rst);
 * RISC-V has the same (riscv-non-isa/riscv-semihosting). */
#define SYS_OPEN 0x01
#define SYS_WRITE 0x05
#define SYS_READ 0x06
#define SYS_EXIT 0x18
#define MODE_READ 0                    /* SYS_OPEN, table of modes: "r" */
#define MODE_WRITE 4                   /* "w" */
#define EXIT_SUCCESS ((void *)0x20026) /* SYS_EXIT: ADP_Stopped_ApplicationExit */
#define EXIT_FAILURE ((void *)0x20023) /* SYS_EXIT: ADP_Stopped_RunTimeErrorUnknown */

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
#ifdef __riscv
    /* Known by its neighbours, which do nothing. All three are uncompressed and on one page. */
    register uint32_t a0 __asm("a0") = operation;
    register const void *a1 __asm("a1") = argument;
    __asm volatile(".option push\n"
                   ".option norvc\n"
                   ".balign 16\n"
                   "slli zero, zero, 0x1f\n"
                   "ebreak\n"
                   "srai zero, zero, 7\n"
                   ".option pop\n"
                   : "+r"(a0)
                   : "r"(a1)
                   : "memory");
    return (int32_t)a0;
#else
    register uint32_t r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = argument;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
#endif
}

static int32_t open_file(const char *path, uint32_t mode) {
    const uint32_t block[3] = {(uint32_t)path, mode, strlen(path)};
    return semihosting(SYS_OPEN, block);
}

void semihosting_open(void) {
    /* By these names QEMU reads and writes the pipes directly, and sleeps in read() while the line
     * is idle; by ":tt" it would want a character device of its own between. */
    input = open_file("/dev/stdin", MODE_READ);
    output = open_file("/dev/stdout", MODE_WRITE);
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
