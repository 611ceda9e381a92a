/* Streams and start-up of the test drivers on an emulated Cortex-M or RISC-V core, through
 * semihosting.
 */
#include "streams.h"

#include <stdint.h>

#include "call.h"

enum { MODE_READ_BINARY = 1, MODE_WRITE_BINARY = 5 };
enum { ADP_STOPPED_APPLICATION_EXIT = 0x20026 };

extern uint32_t stack_top[]; /* semihosting.ld */
int main(void);

int read_exactly(void *data, size_t size) {
    static int32_t file;
    if (file == 0) {
        file = semihosting_file("input.bin", MODE_READ_BINARY);
    }
    const uint32_t parameters[] = {(uint32_t)file, (uint32_t)data, size};
    return semihosting(SYS_READ, parameters) == 0; /* the number of bytes not read */
}

void write_exactly(const void *data, size_t size) {
    static int32_t file;
    if (file == 0) {
        file = semihosting_file("output.bin", MODE_WRITE_BINARY);
    }
    const uint32_t parameters[] = {(uint32_t)file, (uint32_t)data, size};
    semihosting(SYS_WRITE, parameters);
}

static void leave(uint32_t status) {
    const uint32_t parameters[] = {ADP_STOPPED_APPLICATION_EXIT, status};
    semihosting(SYS_EXIT_EXTENDED, parameters);
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
