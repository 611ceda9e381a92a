/* Streams and start-up of the test drivers on an emulated Cortex-M or RISC-V core, through
 * semihosting.
 *
 * Ref: Arm semihosting for AArch32 and AArch64, 2.0: SYS_OPEN, SYS_WRITE, SYS_READ,
 * SYS_EXIT_EXTENDED; RISC-V has the same operations.
 */
#include "streams.h"

#include <stdint.h>

enum { SYS_OPEN = 0x01, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT_EXTENDED = 0x20 };
enum { MODE_READ_BINARY = 1, MODE_WRITE_BINARY = 5 };
enum { ADP_STOPPED_APPLICATION_EXIT = 0x20026 };

extern uint32_t stack_top[]; /* semihosting.ld */
int main(void);

static int32_t call(uint32_t operation, const uint32_t *parameters) {
#ifdef __riscv
    register uint32_t a0 __asm__("a0") = operation;
    register const uint32_t *a1 __asm__("a1") = parameters;
    __asm__ volatile(".option push\n.option norvc\n.balign 16\n"
                     "slli zero, zero, 0x1f\nebreak\nsrai zero, zero, 7\n.option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return (int32_t)a0;
#else
    register uint32_t r0 __asm__("r0") = operation;
    register const uint32_t *r1 __asm__("r1") = parameters;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
#endif
}

static uint32_t open_file(const char *name, uint32_t length, uint32_t mode) {
    const uint32_t parameters[] = {(uint32_t)name, mode, length};
    return (uint32_t)call(SYS_OPEN, parameters);
}

int read_exactly(void *data, size_t size) {
    static uint32_t file;
    if (file == 0) {
        file = open_file("input.bin", 9, MODE_READ_BINARY);
    }
    const uint32_t parameters[] = {file, (uint32_t)data, size};
    return call(SYS_READ, parameters) == 0; /* the number of bytes not read */
}

void write_exactly(const void *data, size_t size) {
    static uint32_t file;
    if (file == 0) {
        file = open_file("output.bin", 10, MODE_WRITE_BINARY);
    }
    const uint32_t parameters[] = {file, (uint32_t)data, size};
    call(SYS_WRITE, parameters);
}

static void leave(uint32_t status) {
    const uint32_t parameters[] = {ADP_STOPPED_APPLICATION_EXIT, status};
    call(SYS_EXIT_EXTENDED, parameters);
    for (;;) {
    }
}

#ifdef __riscv

__attribute__((used)) void start(void);

__attribute__((naked, used, section(".vectors"))) static void reset(void) {
    __asm__ volatile("la sp, stack_top\nj start");
}

/* The emulator loads every section where it belongs. What goes wrong has no end, but a deadline. */
void start(void) {
    leave((uint32_t)main());
}

#else

static void start(void) {
    /* CPACR: full access to the floating-point unit (Armv7-M manual, B3.2.20). */
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20;
    leave((uint32_t)main());
}

static void fault(void) {
    leave(2);
}

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {
    stack_top,           (const void *)start, (const void *)fault, (const void *)fault,
    (const void *)fault, (const void *)fault, (const void *)fault,
};

#endif
