/* What a second core of a Cortex-M starts from. */
#ifndef TINYBENCH_SECOND_VECTORS_H
#define TINYBENCH_SECOND_VECTORS_H

#include "cpu.h"

/* An entry of a vector table. Ref: Armv7-M Architecture Reference Manual, B1.5.3. */
typedef union {
    const void *stack;
    Handler handler;
} Vector;

/* Its own table: the top of its stack, where it begins, and where its faults end. */
extern const Vector second_vectors[16];

#endif
