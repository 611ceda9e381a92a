/* Count the instructions that Unicorn executes, and stop it where something is to be done.
 *
 * Built as a library of the host's, and called by Unicorn before each block of code. A block is
 * counted as a whole when it begins; Unicorn stops between blocks alone. Stopped is before a block
 * once `until` instructions were executed, and while `attention` is set before the first block in
 * which the core takes interrupts.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))
#define SLOTS 65536u
#define REGIONS 8
#define MSTATUS_MIE (1u << 3) /* Privileged Architecture 20211203, 3.1.6.1 */

/* Of Unicorn's interface, what is used here. Ref: unicorn/unicorn.h, uc_emu_stop, uc_reg_read. */
typedef int stop_emulation(void *engine);
typedef int read_register(void *engine, int number, void *value);
/* Of what counts for an estimate of cycles, cycles/plugin.c. */
typedef void *new_block(uint64_t start, uint32_t size_b, uint32_t instructions);
typedef void block_executed(void *block);
typedef void memory_accessed(uint64_t address, uint64_t size_b, bool store);
typedef int write_register(void *engine, int number, const void *value);
#define UC_MEM_WRITE 17     /* uc_mem_type */
#define XPSR_IT 0x0600FC00u /* Armv7-M ARM, B1.4.2 */

struct region {
    uint64_t origin, size_b;
    const uint8_t *bytes;
};

struct slot {
    uint64_t address;
    uint32_t size_b, instructions;
    void *counted; /* by `executed` */
};

/* As runner/chip/count.py has it. */
struct count {
    uint64_t instructions;
    uint64_t until;
    uint64_t block;     /* where the last block begins */
    uint32_t attention; /* an interrupt is pending */
    uint32_t stopped;   /* the next block is met a second time */
    uint32_t riscv;     /* its code is RISC-V's, not Thumb */
    int32_t primask;    /* the number of PRIMASK, or of mstatus: which hold interrupts back */
    stop_emulation *stop;
    read_register *read;
    new_block *counted; /* both are there while cycles are to be estimated */
    block_executed *executed;
    memory_accessed *accessed;
    write_register *write;
    int64_t xpsr; /* the number of that register; negative: the core has none */
    struct region regions[REGIONS];
    struct slot slots[SLOTS];
};

EXPORT const size_t count_size_b = sizeof(struct count);
EXPORT void block(void *engine, uint64_t address, uint32_t size_b, void *data);
EXPORT void access(void *engine, int type, uint64_t address, int size_b, int64_t value, void *data);

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
        uint64_t mask = 0;
        count->read(engine, count->primask, &mask);
        /* Bit 0 of PRIMASK holds them back, MIE of mstatus lets them through. */
        wanted |= count->riscv ? (mask & MSTATUS_MIE) != 0 : (mask & 1) == 0;
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
        slot->counted = NULL;
        if (count->counted != NULL && slot->instructions != 0) {
            slot->counted = count->counted(address, size_b, slot->instructions);
        }
    }
    if (slot->counted != NULL) {
        count->executed(slot->counted);
    }
    count->instructions += slot->instructions;
}

/* Called at each access of memory, while cycles are to be estimated. Before it, Unicorn restores
 * the state of the IT block that the access is in; what the block was translated to keeps 0 there,
 * and would leave what it finds to the next block. */
void access(void *engine, int type, uint64_t address, int size_b, int64_t value, void *data) {
    struct count *count = data;
    (void)value;
    count->accessed(address, (uint64_t)size_b, type == UC_MEM_WRITE);
    uint64_t xpsr = 0;
    if (count->xpsr >= 0 && count->read(engine, (int)count->xpsr, &xpsr) == 0 && xpsr & XPSR_IT) {
        xpsr &= ~(uint64_t)XPSR_IT;
        count->write(engine, (int)count->xpsr, &xpsr);
    }
}
