/* A stand-in for what heliaAOT exports: names and types, and a network that adds one. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int32_t id;
    int8_t *data;
    size_t size;
    int32_t zero_point;
    float scale;
} aot_tensor_io_t;
typedef struct {
    void *user_data;
    aot_tensor_io_t inputs[1], outputs[1];
} aot_model_context_t;

static inline int32_t aot_model_init(aot_model_context_t *context) {
    static int8_t arena[512];
    context->inputs[0].data = arena;
    context->outputs[0].data = arena + 496;
    return 0;
}

static inline int32_t aot_model_run(aot_model_context_t *context) {
    for (int i = 0; i < 12; i++) {
        context->outputs[0].data[i] = (int8_t)(context->inputs[0].data[i] + 1);
    }
    return 0;
}
