/* Count the instructions that Unicorn executes, and stop it where something is to be done.
 *
 * Built as a library of the host's, and called by Unicorn before each block of code. A block is
 * counted as a whole when it begins; Unicorn stops between blocks alone. Stopped is before a block
 * once `until` instructions were executed, and while `attention` is set before the first block in
 * which the core takes interrupts.
 */
#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))
#define SLOTS 65536u
#define REGIONS 8

/* Of Unicorn's interface, what is used here. Ref: unicorn/unicorn.h, uc_emu_stop, uc_reg_read. */
typedef int stop_emulation(void *engine);
typedef int read_register(void *engine, int number, void *value);

struct region {
    uint64_t origin, size_b;
    const uint8_t *bytes;
};

struct slot {
    uint64_t address;
    uint32_t size_b, instructions;
};

/* As runner/chip/count.py has it. */
struct count {
    uint64_t instructions;
    uint64_t until;
    uint64_t block;     /* where the last block begins */
    uint32_t attention; /* an interrupt is pending */
    uint32_t stopped;   /* the next block is met a second time */
    uint32_t riscv;     /* its code is RISC-V's, not Thumb */
    int32_t primask;    /* the register's number; negative: interrupts are always taken */
    stop_emulation *stop;
    read_register *read;
    struct region regions[REGIONS];
    struct slot slots[SLOTS];
};

EXPORT const size_t count_size_b = sizeof(struct count);
EXPORT void block(void *engine, uint64_t address, uint32_t size_b, void *data);

static const uint8_t *code_at(const struct count *count, uint64_t address, uint32_t size_b) {
    for (size_t i = 0; i < REGIONS; i++) {
        const struct region *region = &count->regions[i];
        if (address >= region->origin && address - region->origin + size_b <= region->size_b) {
            return region->bytes + (address - region->origin);
        }
    }
    return NULL;
}

/* A Thumb instruction has 32 bits if its upper five are 11101, 11110 or 11111 (Armv7-M ARM, A5.1),
 * one of RISC-V if its lower two are 11 (unprivileged specification, 1.5). */
static uint32_t instructions_in(const struct count *count, const uint8_t *code, uint32_t size_b) {
    uint32_t found = 0;
    for (uint32_t at = 0; at + 1 < size_b; found++) {
        int wide = count->riscv ? (code[at] & 3) == 3 : code[at + 1] >> 3 >= 0x1D;
        at += wide ? 4 : 2;
    }
    return found;
}

void block(void *engine, uint64_t address, uint32_t size_b, void *data) {
    struct count *count = data;
    int wanted = count->instructions >= count->until;
    if (count->attention) {
        uint32_t masked = 0;
        if (count->primask >= 0) {
            count->read(engine, count->primask, &masked);
        }
        wanted |= masked == 0;
    }
    if (wanted && !count->stopped) {
        count->stopped = 1; /* and met again, when it is executed indeed */
        count->stop(engine);
        return;
    }
    count->stopped = 0;
    count->block = address;
    struct slot *slot = &count->slots[(address >> 1) % SLOTS];
    if (slot->address != address || slot->size_b != size_b) {
        const uint8_t *code = code_at(count, address, size_b);
        slot->address = address;
        slot->size_b = size_b;
        slot->instructions = code == NULL ? 0 : instructions_in(count, code, size_b);
    }
    count->instructions += slot->instructions;
}
