/* Commands that try features, model and I2S without a bench, as the reference submission has them.
 * Its recordings are not here: what is stored is a sound of ten seconds that is computed, half a
 * second of a sweep over noise, half a second of silence, and so on.
 */
#include <string.h>

#include "hear.h"
#include "infer.h"
#include "model.h"
#include "port.h"
#include "text.h"
#include "upload.h"

#define STORED 160000u
#define HALF_SECOND 8000u
#define NEAR 100 /* as in the reference */
#define PER_LINE 16
#define WINDOW_HOPS ((FRONT_WINDOW + FRONT_HOP - 1) / FRONT_HOP) /* frames that fill a window */
#define CAPTURED 16384u                                          /* a second, in whole frames */
_Static_assert(2 * CAPTURED <= HEAR_KEPT, "what is captured must fit");

static int16_t stored_sample(uint32_t at) {
    if (at / HALF_SECOND % 2 != 0) {
        return 0;
    }
    /* The phase of a sweep, and a triangle of it. */
    const uint32_t phase = (at * 40000000u + at * (at - 1) / 2 * 3000u) >> 16;
    const int32_t triangle = (int32_t)(phase < 32768 ? phase : 65535 - phase) - 16384;
    uint32_t noise = at * 2654435761u;
    noise ^= noise >> 15;
    noise *= 2246822519u;
    noise ^= noise >> 13;
    return (int16_t)(triangle / 2 + (int32_t)(noise >> 22) - 512);
}

static void store(int16_t *samples, uint32_t from, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        samples[i] = stored_sample(from + i);
    }
}

/* Read an offset into what is stored, of which `needed` samples follow; answer any other. */
static bool offset(const char *word, uint32_t needed, uint32_t *found) {
    uint32_t value = 0;
    for (const char *digit = word; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || value > STORED) {
            value = STORED;
            break;
        }
        value = value * 10 + (uint32_t)(*digit - '0');
    }
    if (value > STORED - needed) {
        text("e-[An offset is from 0 to ");
        text_u32(STORED - needed);
        text("]\r\n");
        return false;
    }
    *found = value;
    return true;
}

static bool idle(void) {
    if (hear_listens()) {
        text("e-[Listening: 'stop' first]\r\n");
        return false;
    }
    return true;
}

static void row(const int8_t *values, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        text(i == 0 ? "" : ", ");
        text_i32(values[i]);
    }
}

/* Hear the stored samples from an offset; returns what the engine returns. */
static int hear_stored(uint32_t from) {
    store((int16_t *)(void *)model_input, from, FRONT_HOP);
    const int status = infer_untimed(1);
    if (status < 0) {
        text("e-[Inference failed with ");
        text_i32(status);
        text("]\r\n");
        return status;
    }
    model_finish();
    return 0;
}

void hear_stored_all(char *rest) {
    uint32_t from;
    if (!idle() || !offset(rest, FRONT_HOP, &from)) {
        return;
    }
    upload_forget();
    model_keep_state(true);
    for (uint32_t frame = 0; from + FRONT_HOP <= STORED; frame++, from += FRONT_HOP) {
        if (hear_stored(from) < 0) {
            break;
        }
        const int8_t word = hear_activation(0);
        if (word > NEAR) {
            text("[");
            text_u32(frame);
            text(word > HEAR_DETECTED ? "]: Detection (" : "]: Near miss (");
            text_i32(word);
            text(")\r\n");
        }
        text("(");
        row(hear_features(), FRONT_BANDS);
        text(", ");
        text_i32(word);
        text("),\r\n");
    }
    model_keep_state(false);
}

void hear_stored_features(char *rest) {
    uint32_t from;
    if (!idle() || !offset(rest, WINDOW_HOPS * FRONT_HOP, &from)) {
        return;
    }
    upload_forget();
    model_keep_state(true);
    for (uint32_t hop = 0; hop < WINDOW_HOPS; hop++) {
        if (hear_stored(from + hop * FRONT_HOP) < 0) {
            model_keep_state(false);
            return;
        }
    }
    text("{\r\n\"Input\": [");
    for (uint32_t i = 0; i < WINDOW_HOPS * FRONT_HOP; i++) {
        text(i == 0 ? "" : i % PER_LINE == 0 ? ",\r\n" : ", ");
        text_i32(stored_sample(from + i));
    }
    text("],\r\n\"Output\": [");
    row(hear_features(), FRONT_BANDS);
    text("]\r\n}\r\n");
    model_keep_state(false);
}

void hear_stored_once(char *rest) {
    (void)rest; /* class0, class1, class2: of the reference's inputs, which are not here */
    if (!idle()) {
        return;
    }
    upload_forget();
    model_keep_state(false);
    const uint32_t began_us = port_micros();
    if (hear_stored(0) < 0) {
        return;
    }
    text("A frame took ");
    text_u32(port_micros() - began_us);
    text(" us\r\nOutput = [");
    for (uint32_t i = 0; i < model_result_count; i++) {
        text(i == 0 ? "" : ", ");
        text_i32(hear_activation(i));
    }
    text("]\r\n");
}

/* Read how many samples are wanted; the most where that is not said, or too many. */
static uint32_t wanted(const char *word) {
    uint32_t value = 0;
    for (const char *digit = word; *digit >= '0' && *digit <= '9' && value < CAPTURED; digit++) {
        value = value * 10 + (uint32_t)(*digit - '0');
    }
    return value == 0 || value > CAPTURED ? CAPTURED : value;
}

void hear_captured(char *rest) {
    const uint32_t count = wanted(rest);
    int16_t *samples = hear_memory();
    uint32_t came_us;
    uint32_t frames = 0;
    if (!idle()) {
        return;
    }
    if (!port_sound_start()) {
        text("e-[No sound comes by itself here]\r\n");
        return;
    }
    text("Listening for samples ...\r\n");
    port_flush();
    while (frames * SOUND_HOP < count && port_sound_next(samples + frames * SOUND_HOP, &came_us)) {
        frames++;
    }
    const uint32_t lost = port_sound_lost();
    port_sound_stop();
    if (frames * SOUND_HOP < count) {
        text("e-[No more came before the next command]\r\n");
        return;
    }
    if (lost > 0) {
        text("e-[Frames were lost: ");
        text_u32(lost);
        text("]\r\n");
    }
    text("[");
    for (uint32_t i = 0; i < count; i++) {
        text(i == 0 ? "" : i % PER_LINE == 0 ? ",\r\n" : ", ");
        text_i32(samples[i]);
    }
    text("]\r\n");
}
