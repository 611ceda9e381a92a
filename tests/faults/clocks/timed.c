/* An engine and a clock for the tests of time: a board that takes INFER_US, a jitter of a tenth
 * included, and reads its own time. What is wrong with it comes from the environment:
 *
 *   RATIO    its clock's seconds in one of the world's (1)
 *   DRIFT    by which that grows in each second (0)
 *   CACHED   share of INFER_US that an input of before costs, once it has been answered (1)
 *   REPEATED share of INFER_US that an input costs again, at once (1)
 *   SEED     of the jitter (1)
 *
 * The board is not the computer that plays it: an inference takes its time to the microsecond, and
 * it is the computer that wakes up late. -Wl,--wrap=port_micros,--wrap=port_getc is needed.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>

#include "model.h"
#include "port.h"

#define INPUT_B 490
#define RESULTS 12
#define INFER_US 4000.0
#define LOOK_US 1.0 /* of a look at the clock */
#define CACHE_SIZE 1024

const char model_id[] = "kws01";
const uint32_t model_input_b = INPUT_B;
_Alignas(4) uint8_t model_input[INPUT_B];
const uint8_t model_input_flip = 0;
const uint32_t model_result_count = RESULTS;
const uint32_t model_result_decimals = 3;
const bool model_result_rounded = false;
const uint32_t model_layer_count = 1;

int __real_port_getc(void);
int __wrap_port_getc(void);
uint32_t __wrap_port_micros(void);

/* The world's time, as the board has come to it. */
static double now_us;
static uint32_t hash;
static uint32_t met[CACHE_SIZE];
static uint32_t met_count;
static uint32_t jitter;

static double number(const char *name, double otherwise) {
    const char *word = getenv(name);
    return word == NULL ? otherwise : atof(word);
}

static double world_us(void) {
    static time_t start_s;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (start_s == 0) {
        start_s = now.tv_sec;
    }
    return (double)(now.tv_sec - start_s) * 1e6 + (double)now.tv_nsec * 1e-3;
}

/* What comes in the meantime is there when the board looks. */
int __wrap_port_getc(void) {
    int c = __real_port_getc();
    double world = world_us();
    now_us = world > now_us ? world : now_us;
    return c;
}

uint32_t __wrap_port_micros(void) {
    now_us += LOOK_US;
    double own_us = now_us * (number("RATIO", 1) + number("DRIFT", 0) * now_us * 1e-6);
    return (uint32_t)(uint64_t)own_us;
}

/* Work, for so long. */
static void pass(double us) {
    now_us += us;
    double left_us = now_us - world_us();
    if (left_us > 0) {
        struct timespec span = {(time_t)(left_us * 1e-6), (long)left_us % 1000000 * 1000};
        nanosleep(&span, NULL);
    }
}

/* Return a share of 0.9 to 1.1. */
static double jittered(void) {
    if (jitter == 0) {
        jitter = (uint32_t)number("SEED", 1) * 2654435761u | 1;
    }
    jitter ^= jitter << 13;
    jitter ^= jitter >> 17;
    jitter ^= jitter << 5;
    return 0.9 + 0.2 * (double)jitter / 4294967296.0;
}

static bool is_met(void) {
    for (uint32_t i = 0; i < met_count; i++) {
        if (met[i] == hash) {
            return true;
        }
    }
    if (met_count < CACHE_SIZE) {
        met[met_count++] = hash;
    }
    return false;
}

int model_infer(void) {
    uint32_t before = hash;
    hash = 2166136261u; /* FNV-1a of the input */
    for (uint32_t i = 0; i < INPUT_B; i++) {
        hash = (hash ^ model_input[i]) * 16777619u;
    }
    double share = jittered();
    if (is_met()) {
        share *= number("CACHED", 1);
    }
    if (hash == before) {
        share *= number("REPEATED", 1);
    }
    pass(INFER_US * share);
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

float model_result(uint32_t index) {
    return (float)((hash >> index) % 1000) / 1000.0f;
}
