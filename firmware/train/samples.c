/* Samples in flash: taken as if they were uploaded, in the order of a seed and an epoch. */
#include "samples.h"

#include <stdbool.h>

#include "infer.h"
#include "model.h"
#include "upload.h"
#define TRAIN_SET /* with the samples */
#include "train_config.h"

#if TRAIN_SAMPLES > 0
uint32_t samples_count(void) {
    return TRAIN_SAMPLES;
}

int32_t samples_infer(uint32_t index) {
    upload_forget();
    upload_write(0, train_samples[index], model_input_b);
    const int status = infer_untimed(1);
    if (status < 0) {
        return status;
    }
    model_finish();
    return train_labels[index];
}

/* Shuffle all of them. Ref: Fisher and Yates; Marsaglia, Xorshift RNGs, 2003. */
static void shuffle(uint16_t *order, uint32_t seed, uint32_t epoch) {
    uint32_t state = seed * 2654435761u + epoch * 40503u;
    state = state == 0 ? 1 : state;
    for (uint32_t i = 0; i < TRAIN_SAMPLES; i++) {
        order[i] = (uint16_t)i;
    }
    for (uint32_t left = TRAIN_SAMPLES; left > 1; left--) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        const uint32_t chosen = (uint32_t)((uint64_t)state * left >> 32);
        const uint16_t last = order[left - 1];
        order[left - 1] = order[chosen];
        order[chosen] = last;
    }
}

uint32_t samples_at(uint32_t seed, uint32_t epoch, uint32_t place) {
    static uint16_t order[TRAIN_SAMPLES];
    static uint32_t of_seed, of_epoch;
    static bool known;
    if (!known || of_seed != seed || of_epoch != epoch) {
        shuffle(order, seed, epoch);
        of_seed = seed;
        of_epoch = epoch;
        known = true;
    }
    return order[place];
}
#else
uint32_t samples_count(void) {
    return 0;
}

int32_t samples_infer(uint32_t index) {
    (void)index;
    return -1;
}

uint32_t samples_at(uint32_t seed, uint32_t epoch, uint32_t place) {
    (void)seed, (void)epoch;
    return place;
}
#endif
