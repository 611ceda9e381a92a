/* Count what a core executes between a function's entry and its return: a plugin of QEMU's, and of
 * the process that emulates a chip by Unicorn (chips/count.c), which calls the functions at the
 * end.
 *
 *     -plugin
 * plugin.so,out=FILE,start=ADDRESS[,flash=ADDRESS:ADDRESS,line=BYTES,code=LINES,data=LINES]
 *
 * veneer=ADDRESS is the linker's way to `start` where the call does not reach so far; `flash` may
 * come twice, where the same flash is read as data at another place than code; ways=COUNT are those
 * of a cache that is not fully associative, and unified=1 lets code hold data, too.
 *
 * Each time the block at `start` is entered, counting begins; it ends where that call returns to.
 * What was counted is then appended to FILE:
 *
 *     block ADDRESS INSTRUCTIONS EXECUTIONS    for each block of code
 *     total TAKEN UNALIGNED CODE_NEXT CODE_FAR DATA
 *
 * TAKEN: blocks that were not entered from the one before them in memory. CODE_* and DATA: lines
 * that were not in a cache of so many lines (the least recently used one goes) between the core and
 * the flash; CODE_NEXT are those right behind the one that was read last. Code outside of calls
 * fills the cache, too. ADDRESS is hexadecimal, all else decimal. What instructions these are
 * stands in the image, not here.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What of the interface of QEMU's plugins is used here: the same in its versions 2 to 5.
 * Ref: QEMU, "QEMU TCG Plugins", API. Distributions ship no header of it. */
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { NO_REGISTERS = 0, READS_AND_WRITES = 3 };
typedef void block_translated(uint64_t id, struct qemu_plugin_tb *block);
typedef void block_executed(unsigned int cpu, void *block);
typedef void memory_accessed(unsigned int cpu, uint32_t how, uint64_t address, void *nothing);
extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, block_translated *callback);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block,
                                                 block_executed *callback, int flags, void *data);
extern void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *instruction,
                                             memory_accessed *callback, int flags, int which,
                                             void *data);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block,
                                                        size_t index);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *instruction);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
extern unsigned int qemu_plugin_mem_size_shift(uint32_t how);
extern bool qemu_plugin_mem_is_store(uint32_t how);

/* Nobody has them where Unicorn runs. */
#pragma weak qemu_plugin_register_vcpu_tb_trans_cb
#pragma weak qemu_plugin_register_vcpu_tb_exec_cb
#pragma weak qemu_plugin_register_vcpu_mem_cb
#pragma weak qemu_plugin_tb_n_insns
#pragma weak qemu_plugin_tb_vaddr
#pragma weak qemu_plugin_tb_get_insn
#pragma weak qemu_plugin_insn_size
#pragma weak qemu_plugin_insn_vaddr
#pragma weak qemu_plugin_mem_size_shift
#pragma weak qemu_plugin_mem_is_store

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 2;
EXPORT int qemu_plugin_install(uint64_t id, const void *info, int count, char **words);

#define LINES_MAX 2048
#define FLASHES 2

struct block {
    struct block *older;
    uint64_t start, end;
    size_t instructions;
    uint64_t executions;
};

struct lines {
    size_t count; /* 0: there is no cache, and nothing to wait for */
    uint64_t held[LINES_MAX], used[LINES_MAX];
};

static struct block *newest;
static FILE *out;
static uint64_t start_at, veneer_at, return_to, end_before;
static uint64_t start_before, end_before_that; /* of the block before, and of the one before it */
static bool counting;
static uint64_t flash_start[FLASHES], flash_end[FLASHES], line_b = 32, now, line_before;
static size_t flashes, ways; /* 0 ways: any place of the cache takes any line */
static bool unified;
static struct lines code, data;
static uint64_t taken, unaligned, code_next, code_far, data_missed;

/* Whether a line was there; it is afterwards. Line 0 is no line of a flash that begins at 0: all
 * numbers are one too large. */
static bool found(struct lines *cache, uint64_t line) {
    size_t places = ways == 0 ? cache->count : ways;
    size_t first = (size_t)(line % (cache->count / places)) * places;
    size_t oldest = first;
    now++;
    for (size_t i = first; i < first + places; i++) {
        if (cache->held[i] == line) {
            cache->used[i] = now;
            return true;
        }
        if (cache->used[i] < cache->used[oldest]) {
            oldest = i;
        }
    }
    cache->held[oldest] = line;
    cache->used[oldest] = now;
    return false;
}

static bool in_flash(uint64_t address) {
    for (size_t i = 0; i < flashes; i++) {
        if (address >= flash_start[i] && address < flash_end[i]) {
            return true;
        }
    }
    return false;
}

static void write_counts(void) {
    for (struct block *block = newest; block != NULL; block = block->older) {
        if (block->executions != 0) {
            fprintf(out, "block %" PRIx64 " %zu %" PRIu64 "\n", block->start, block->instructions,
                    block->executions);
        }
        block->executions = 0;
    }
    fprintf(out, "total %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", taken,
            unaligned, code_next, code_far, data_missed);
    fflush(out);
    taken = unaligned = code_next = code_far = data_missed = 0;
}

static void fetch_code(const struct block *block) {
    if (code.count == 0 || !in_flash(block->start)) {
        return;
    }
    for (uint64_t line = block->start / line_b + 1; line <= (block->end - 1) / line_b + 1; line++) {
        if (line != line_before && !found(&code, line) && counting) {
            *(line == line_before + 1 ? &code_next : &code_far) += 1;
        }
        line_before = line;
    }
}

static void count_executed(struct block *block) {
    if (!counting && block->start == start_at) {
        counting = true;
        /* What is before it is the call, or what the call goes by. */
        return_to = veneer_at != 0 && start_before == veneer_at ? end_before_that : end_before;
        end_before = block->start;
    } else if (counting && block->start == return_to) {
        counting = false;
        taken++; /* the return */
        write_counts();
    }
    if (counting) {
        block->executions++;
        taken += block->start != end_before;
    }
    fetch_code(block);
    start_before = block->start;
    end_before_that = end_before;
    end_before = block->end;
}

static void count_accessed(uint64_t address, uint64_t size_b, bool store) {
    if (!counting) {
        return;
    }
    unaligned += (address & ((size_b > 4 ? 4 : size_b) - 1)) != 0;
    if (data.count != 0 && in_flash(address) && !store) {
        data_missed += !found(unified ? &code : &data, address / line_b + 1);
    }
}

static struct block *new_block(uint64_t start, uint64_t end, size_t instructions) {
    struct block *block = calloc(1, sizeof *block);
    if (block == NULL || instructions == 0) {
        abort();
    }
    block->start = start;
    block->end = end;
    block->instructions = instructions;
    block->older = newest;
    newest = block;
    return block;
}

static void executed(unsigned int cpu, void *block) {
    (void)cpu;
    count_executed(block);
}

static void accessed(unsigned int cpu, uint32_t how, uint64_t address, void *nothing) {
    (void)cpu;
    (void)nothing;
    count_accessed(address, (uint64_t)1 << qemu_plugin_mem_size_shift(how),
                   qemu_plugin_mem_is_store(how));
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    size_t count = qemu_plugin_tb_n_insns(tb);
    uint64_t end = 0;
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(tb, i);
        qemu_plugin_register_vcpu_mem_cb(instruction, accessed, NO_REGISTERS, READS_AND_WRITES,
                                         NULL);
        end = qemu_plugin_insn_vaddr(instruction) + (uint64_t)qemu_plugin_insn_size(instruction);
    }
    qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, NO_REGISTERS,
                                         new_block(qemu_plugin_tb_vaddr(tb), end, count));
}

static bool take(const char *word) {
    uint64_t *number = NULL;
    if (strncmp(word, "out=", 4) == 0) {
        out = fopen(word + 4, "w");
        return out != NULL;
    }
    char *end;
    if (strncmp(word, "flash=", 6) == 0) {
        if (flashes == FLASHES) {
            return false;
        }
        flash_start[flashes] = strtoull(word + 6, &end, 0);
        if (*end != ':') {
            return false;
        }
        flash_end[flashes++] = strtoull(end + 1, &end, 0);
        return *end == '\0';
    }
    uint64_t lines = 0, more = 0;
    const char *value = strchr(word, '=');
    if (value == NULL) {
        return false;
    }
    struct lines *cache = strncmp(word, "code=", 5) == 0   ? &code
                          : strncmp(word, "data=", 5) == 0 ? &data
                                                           : NULL;
    if (cache != NULL) {
        number = &lines;
    } else if (strncmp(word, "start=", 6) == 0) {
        number = &start_at;
    } else if (strncmp(word, "veneer=", 7) == 0) {
        number = &veneer_at;
    } else if (strncmp(word, "line=", 5) == 0) {
        number = &line_b;
    } else if (strncmp(word, "ways=", 5) == 0 || strncmp(word, "unified=", 8) == 0) {
        number = &more;
    } else {
        return false;
    }
    *number = strtoull(value + 1, &end, 0);
    if (cache != NULL) {
        cache->count = (size_t)lines;
    } else if (strncmp(word, "ways=", 5) == 0) {
        ways = (size_t)more;
    } else if (number == &more) {
        unified = more != 0;
    }
    return *end == '\0' && lines <= LINES_MAX && line_b != 0 && more <= LINES_MAX;
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int count, char **words) {
    (void)info;
    for (int i = 0; i < count; i++) {
        if (!take(words[i])) {
            fprintf(stderr, "plugin.so: cannot take the word '%s'\n", words[i]);
            return -1;
        }
    }
    if (out == NULL || start_at == 0) {
        fprintf(stderr, "plugin.so: needs out=FILE and start=ADDRESS\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}

/* For Unicorn. */
EXPORT bool unicorn_take(const char *word);
EXPORT void *unicorn_block(uint64_t start, uint32_t size_b, uint32_t instructions);
EXPORT void unicorn_executed(void *block);
EXPORT void unicorn_accessed(uint64_t address, uint64_t size_b, bool store);

bool unicorn_take(const char *word) {
    return take(word);
}

void *unicorn_block(uint64_t start, uint32_t size_b, uint32_t instructions) {
    return new_block(start, start + size_b, instructions);
}

void unicorn_executed(void *block) {
    count_executed(block);
}

void unicorn_accessed(uint64_t address, uint64_t size_b, bool store) {
    count_accessed(address, size_b, store);
}
