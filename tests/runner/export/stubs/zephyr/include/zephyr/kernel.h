/* A stand-in of Zephyr's kernel: semaphores, ticks, cycles. */
#ifndef STUB_KERNEL_H
#define STUB_KERNEL_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    int64_t ticks;
} k_timeout_t;
#define K_FOREVER ((k_timeout_t){-1})

struct k_sem {
    volatile unsigned int count;
    unsigned int limit;
};
#define K_SEM_DEFINE(name, initial, most) struct k_sem name = {initial, most}

void k_sem_give(struct k_sem *sem);
int k_sem_take(struct k_sem *sem, k_timeout_t timeout);
uint32_t k_cycle_get_32(void);
int sys_clock_hw_cycles_per_sec(void);
int64_t k_uptime_ticks(void);
void k_busy_wait(uint32_t usec_to_wait);

#endif
