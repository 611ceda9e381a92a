/* A model of sound: samples are its input, features its first layer, a compiled model the rest.
 */
#include "hear.h"

#include <string.h>

#include "model.h"
#include "net.h"

#define INPUT_B (2 * FRONT_HOP)

const uint32_t model_input_b = INPUT_B;
uint8_t model_input[INPUT_B] __attribute__((aligned(8)));
const uint8_t model_input_flip = 0;

static FrontEnd sound;
static bool kept;
static bool wraps;
static uint32_t frames;
static int8_t activations[HEAR_KEPT] __attribute__((aligned(4)));

__attribute__((weak)) bool net_keep_state(bool keep) {
    (void)keep;
    return true;
}

/* A stream begins: silence, and a history of zeros. */
static void begin(void) {
    front_start(&sound, model_input_scale, model_input_zero_point, wraps);
    memset(net_input, 0, net_input_b);
    frames = 0;
}

/* The first layer: the newest rows come behind the others of the history. */
static void take_features(void) {
    if (!kept) {
        begin();
    }
    int8_t *history = (int8_t *)net_input;
    const int16_t *samples = (const int16_t *)(const void *)model_input;
    uint32_t row_b = net_input_b - TB_FRONT_ROWS * FRONT_BANDS;
    memmove(history, history + TB_FRONT_ROWS * FRONT_BANDS, row_b);
    for (; row_b < net_input_b; row_b += FRONT_BANDS, samples += FRONT_STEP) {
        front_next(&sound, samples, history + row_b);
    }
    frames++;
    net_load();
}

void model_load(void) {
}

int model_infer(void) {
    take_features();
    return net_infer();
}

int model_infer_layer(uint32_t index) {
    if (index == 0) {
        take_features();
        return 0;
    }
    return net_infer_layer(index - 1);
}

bool model_keep_state(bool keep) {
    kept = keep;
    begin();
    return net_keep_state(keep);
}

void model_finish(void) {
    net_finish();
    if (frames > 0 && frames <= HEAR_KEPT) {
        activations[frames - 1] = hear_activation(0);
    }
}

const int8_t *hear_features(void) {
    return (const int8_t *)net_input + (net_input_b - FRONT_BANDS);
}

int8_t hear_activation(uint32_t index) {
    const float steps = model_result(index) * 256.0f + 0.5f;
    const int32_t step = (int32_t)steps - 128;
    return (int8_t)(step > INT8_MAX ? INT8_MAX : step < INT8_MIN ? INT8_MIN : step);
}

uint32_t hear_frames(void) {
    return frames;
}

uint32_t hear_outside(void) {
    return sound.outside;
}

int8_t hear_kept(uint32_t frame) {
    return frame < frames && frame < HEAR_KEPT ? activations[frame] : 0;
}

int16_t *hear_memory(void) {
    return (int16_t *)(void *)activations;
}

void hear_wraps(bool around) {
    wraps = around;
}
