/* A stand-in for what TVM exports: names and types, and a network that adds one. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define TVMGEN_DEFAULT_WORKSPACE_SIZE 64
struct tvmgen_default_inputs {
    void *input_1;
};
struct tvmgen_default_outputs {
    void *output;
};

void *TVMBackendAllocWorkspace(int device_type, int device_id, uint64_t nbytes, int dtype_code_hint,
                               int dtype_bits_hint);
int TVMBackendFreeWorkspace(int device_type, int device_id, void *ptr);

static inline int32_t tvmgen_default_run(struct tvmgen_default_inputs *inputs,
                                         struct tvmgen_default_outputs *outputs) {
    const int8_t *in = inputs->input_1;
    int8_t *first = TVMBackendAllocWorkspace(1, 0, 12, 0, 8);
    int8_t *second = TVMBackendAllocWorkspace(1, 0, 33, 0, 8);
    if (first == NULL || second != first + 16) {
        return -1;
    }
    for (int i = 0; i < 12; i++) {
        second[i] = in[i];
    }
    for (int i = 0; i < 12; i++) {
        ((int8_t *)outputs->output)[i] = (int8_t)(second[i] + 1);
    }
    return TVMBackendFreeWorkspace(1, 0, second) || TVMBackendFreeWorkspace(1, 0, first) ||
           TVMBackendAllocWorkspace(1, 0, 1024, 0, 8) != NULL;
}
