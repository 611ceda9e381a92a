/* Semihosting: operations that an emulator carries out for the core.
 *
 * Ref: Arm, Semihosting for AArch32 and AArch64 (ARM-software/abi-aa, semihosting.rst); RISC-V has
 * the same (riscv-non-isa/riscv-semihosting).
 */
#ifndef TINYBENCH_CALL_H
#define TINYBENCH_CALL_H

#include <stdint.h>
#include <string.h>

#define SYS_OPEN 0x01
#define SYS_WRITE 0x05
#define SYS_READ 0x06
#define SYS_EXIT 0x18
#define SYS_EXIT_EXTENDED 0x20

/* Ask the emulator for an operation; `argument` is a block of words, or what SYS_EXIT wants. */
static inline int32_t semihosting(uint32_t operation, const void *argument) {
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

/* Open a file in one of SYS_OPEN's modes: as fopen's, "r" is 0, "rb" 1, "w" 4 and "wb" 5. */
static inline int32_t semihosting_file(const char *path, uint32_t mode) {
    const uint32_t block[3] = {(uint32_t)path, mode, strlen(path)};
    return semihosting(SYS_OPEN, block);
}

#endif
