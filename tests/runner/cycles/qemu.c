/* QEMU as its plugin sees it: blocks are translated and executed as standard input says.
 *
 *     block ADDRESS INSTRUCTIONS    of two bytes each
 *     run ADDRESS                   a block of before
 *     load ADDRESS SHIFT            of 2^SHIFT bytes; "store" likewise
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct qemu_plugin_tb {
    uint64_t start;
    size_t count;
    void *data;
};
struct qemu_plugin_insn {
    uint64_t at;
};
int qemu_plugin_install(uint64_t id, const void *info, int count, char **words);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                           void (*callback)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
                                          void (*callback)(unsigned int, void *), int flags,
                                          void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
                                      void (*callback)(unsigned int, uint32_t, uint64_t, void *),
                                      int flags, int which, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
unsigned int qemu_plugin_mem_size_shift(uint32_t how);
bool qemu_plugin_mem_is_store(uint32_t how);

static void (*translated)(uint64_t, struct qemu_plugin_tb *);
static void (*executed)(unsigned int, void *);
static void (*accessed)(unsigned int, uint32_t, uint64_t, void *);
static struct qemu_plugin_tb blocks[16];
static struct qemu_plugin_insn now;

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                           void (*callback)(uint64_t, struct qemu_plugin_tb *)) {
    (void)id;
    translated = callback;
}

void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
                                          void (*callback)(unsigned int, void *), int flags,
                                          void *data) {
    (void)flags;
    tb->data = data;
    executed = callback;
}

void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
                                      void (*callback)(unsigned int, uint32_t, uint64_t, void *),
                                      int flags, int which, void *data) {
    (void)insn, (void)flags, (void)which, (void)data;
    accessed = callback;
}

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb) {
    return tb->count;
}

uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb) {
    return tb->start;
}

struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index) {
    now.at = tb->start + 2 * index;
    return &now;
}

size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn) {
    (void)insn;
    return 2;
}

uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn) {
    return insn->at;
}

unsigned int qemu_plugin_mem_size_shift(uint32_t how) {
    return how & 0xFu;
}

bool qemu_plugin_mem_is_store(uint32_t how) {
    return (how & 0x10u) != 0;
}

int main(int count, char **words) {
    if (qemu_plugin_install(1, NULL, count - 1, words + 1) != 0) {
        return 1;
    }
    char what[8];
    uint64_t address, number;
    size_t known = 0;
    while (scanf("%7s %" SCNx64 " %" SCNu64, what, &address, &number) == 3) {
        if (strcmp(what, "block") == 0) {
            blocks[known] = (struct qemu_plugin_tb){address, (size_t)number, NULL};
            translated(1, &blocks[known++]);
        } else if (strcmp(what, "run") == 0) {
            for (size_t i = 0; i < known; i++) {
                if (blocks[i].start == address) {
                    executed(0, blocks[i].data);
                }
            }
        } else {
            accessed(0, (uint32_t)number | (strcmp(what, "store") == 0 ? 0x10u : 0), address, NULL);
        }
    }
    return 0;
}
