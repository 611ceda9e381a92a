/* An engine whose time is its own: every run gives the same results and the same time stamps, so
 * that a run with faults can be compared with the clean one to the microsecond.
 *
 * INPUT_B comes from the compiler's command line, -Wl,--wrap=port_micros as well. The results tell
 * any input from any other, and images with another salt from each other.
 */
#include "model.h"
#include "port.h"

#define RESULTS 6
#define LOOK_US 20         /* the clock goes on by so much when somebody looks at it */
#define INFERENCE_US 10000 /* and by so much, and up to 1023 more, in an inference */

const char model_id[] = "kws01";
const uint32_t model_input_b = INPUT_B;
_Alignas(4) uint8_t model_input[INPUT_B];
const uint8_t model_input_flip = 0;
const uint32_t model_result_count = RESULTS;
const uint32_t model_result_decimals = 3;
const bool model_result_rounded = false;
const uint32_t model_layer_count = 1;

uint32_t __wrap_port_micros(void);

/* Read at run time, so that a test may change it in the image. */
static const volatile char salt[] = "savour";
static uint32_t clock_us;
static uint32_t hash;

uint32_t __wrap_port_micros(void) {
    return clock_us += LOOK_US;
}

/* FNV-1a of the input. */
int model_infer(void) {
    hash = 2166136261u + (uint32_t)salt[0];
    for (uint32_t i = 0; i < INPUT_B; i++) {
        hash = (hash ^ model_input[i]) * 16777619u;
    }
    clock_us += INFERENCE_US + hash % 1024;
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
    return (float)((hash >> 3 * index) % 1000) / 1000.0f;
}
