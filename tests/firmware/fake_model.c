/* A tiny engine for tests: sums its input, takes a while, and fails when asked to. */
#include "model.h"

#define INPUT_B 490
#define RESULTS 4
#define STEPS 1000
#define FLIP 0

const char model_id[] = "fake01";
const uint32_t model_input_b = INPUT_B;
_Alignas(4) uint8_t model_input[INPUT_B];
const uint8_t model_input_flip = FLIP;
const uint32_t model_result_count = RESULTS;
const uint32_t model_result_decimals = 3;
const bool model_result_rounded = false;
const uint32_t model_layer_count = 3;

static float results[RESULTS];

int model_infer(void) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < INPUT_B; i++) {
        sum += model_input[i];
    }
    /* The same number of steps whatever the input holds. */
    for (volatile uint32_t step = 0; step < STEPS; step++) {
    }
    /* The first byte chooses what a test wants to see. */
    const float zero = (float)(sum - sum);
    switch (model_input[0]) {
    case 0xE0:
        return -7;
    case 0xE1:
        results[0] = zero / zero;
        results[1] = 1.0f / zero;
        results[2] = -1.0f / zero;
        results[3] = -1.5f;
        return 0;
    case 0xE2:
        results[0] = 4294967040.0f;
        results[1] = 4294967296.0f;
        results[2] = -0.0004f;
        results[3] = 0.7f;
        return 0;
    default:
        results[0] = (float)(sum % 256) / 256.0f;
        results[1] = 2.0f / 256.0f;
        results[2] = 255.0f / 256.0f;
        results[3] = (float)sum;
        return 0;
    }
}

/* The first and the last layer do nothing. */
int model_infer_layer(uint32_t index) {
    return index == 1 ? model_infer() : 0;
}

void model_load(void) {
}

void model_finish(void) {
}

float model_result(uint32_t index) {
    return results[index];
}
