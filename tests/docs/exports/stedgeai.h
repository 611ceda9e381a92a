/* A stand-in for what ST Edge AI generates: names and types, and a network that adds one. */
#pragma once
#include <stdint.h>

#define STAI_ALIGNED(count) __attribute__((aligned(count)))
#define STAI_NETWORK_CONTEXT_SIZE 64
#define STAI_NETWORK_CONTEXT_DECLARE(name, size) STAI_ALIGNED(8) static uint8_t name[size];
#define STAI_NETWORK_ACTIVATION_1_SIZE_BYTES 512
#define STAI_NETWORK_IN_NUM (1)
#define STAI_NETWORK_OUT_NUM (1)

typedef uint8_t stai_network;
typedef uint8_t *stai_ptr;
typedef uint32_t stai_size;
typedef enum { STAI_SUCCESS = 0, STAI_ERROR_GENERIC } stai_return_code;
typedef enum { STAI_MODE_SYNC, STAI_MODE_ASYNC } stai_run_mode;

static inline stai_ptr *stand_in_arena(void) {
    static stai_ptr arena;
    return &arena;
}

static inline stai_return_code stai_network_init(stai_network *network) {
    network[0] = 1;
    return STAI_SUCCESS;
}

static inline stai_return_code stai_network_set_activations(stai_network *network,
                                                            const stai_ptr *activations,
                                                            const stai_size count) {
    *stand_in_arena() = activations[0];
    return network[0] == 1 && count == 1 ? STAI_SUCCESS : STAI_ERROR_GENERIC;
}

static inline stai_return_code stai_network_get_inputs(stai_network *network, stai_ptr *inputs,
                                                       stai_size *count) {
    (void)network;
    *count = 1;
    inputs[0] = *stand_in_arena();
    return STAI_SUCCESS;
}

static inline stai_return_code stai_network_get_outputs(stai_network *network, stai_ptr *outputs,
                                                        stai_size *count) {
    (void)network;
    *count = 1;
    outputs[0] = *stand_in_arena() + 496;
    return STAI_SUCCESS;
}

static inline stai_return_code stai_network_run(stai_network *network, const stai_run_mode mode) {
    (void)network;
    for (int i = 0; i < 12; i++) {
        (*stand_in_arena())[496 + i] = (uint8_t)((*stand_in_arena())[i] + 1);
    }
    return mode == STAI_MODE_SYNC ? STAI_SUCCESS : STAI_ERROR_GENERIC;
}
