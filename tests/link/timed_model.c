/* An engine for tests of the link: takes INFER_US by the clock, and its results tell any input from
 * any other.
 *
 * MODEL_ID, INPUT_B, RESULTS and INFER_US come from the compiler's command line.
 */
#include "model.h"
#include "port.h"

#define STRING(word) #word
#define STRING_OF(macro) STRING(macro)

const char model_id[] = STRING_OF(MODEL_ID);
const uint32_t model_input_b = INPUT_B;
_Alignas(4) uint8_t model_input[INPUT_B];
const uint8_t model_input_flip = 0;
const uint32_t model_result_count = RESULTS;
const uint32_t model_result_decimals = 3;
const bool model_result_rounded = false;
const uint32_t model_layer_count = 1;

static uint32_t hash;

/* FNV-1a of the input. */
int model_infer(void) {
    uint32_t start_us = port_micros();
    hash = 2166136261u;
    for (uint32_t i = 0; i < INPUT_B; i++) {
        hash = (hash ^ model_input[i]) * 16777619u;
    }
    while (port_micros() - start_us < INFER_US) {
    }
    return 0;
}

int model_infer_layer(uint32_t index) {
    (void)index;
    return model_infer();
}

void model_load(void) {
}

void model_finish(void) {
}

/* Three digits of the hash, another part of it in each value. */
float model_result(uint32_t index) {
    uint32_t turned = index % 32 == 0 ? hash : hash << index % 32 | hash >> (32 - index % 32);
    return (float)(turned % 1000) / 1000.0f;
}
