/* What a second core of a RISC-V starts from. */
#ifndef TINYBENCH_SECOND_START_H
#define TINYBENCH_SECOND_START_H

#include <stdbool.h>

typedef struct {
    void (*fault)(void); /* for mtvec */
    const void *stack;   /* its top */
    void (*entry)(void);
} SecondStart;

extern const SecondStart second_start;

/* Whether the core that asks is the second. */
bool on_second_core(void);

#endif
