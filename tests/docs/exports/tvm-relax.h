/* A stand-in for what is made of TVM's layers: a network that adds one, by way of a workspace. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern uint8_t model_input[];
void *TVMBackendAllocWorkspace(int device_type, int device_id, uint64_t nbytes, int dtype_code_hint,
                               int dtype_bits_hint);
int TVMBackendFreeWorkspace(int device_type, int device_id, void *ptr);

static int8_t added[12];
static const void *const net_output = added;

static inline bool net_run(void) {
    int8_t *first = TVMBackendAllocWorkspace(1, 0, 12, 0, 8);
    int8_t *second = TVMBackendAllocWorkspace(1, 0, 33, 0, 8);
    if (first == NULL || second != first + 16) {
        return false;
    }
    for (int i = 0; i < 12; i++) {
        second[i] = (int8_t)model_input[i];
        added[i] = (int8_t)(second[i] + 1);
    }
    return TVMBackendFreeWorkspace(1, 0, second) == 0 &&
           TVMBackendFreeWorkspace(1, 0, first) == 0 &&
           TVMBackendAllocWorkspace(1, 0, 1 << 20, 0, 8) == NULL;
}
