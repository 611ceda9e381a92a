/* The commands of a stream. Ref: mlcommons/tiny, the reference submission of sww01; docs/stream.md
 */
#include <string.h>

#include "busy.h"
#include "hear.h"
#include "infer.h"
#include "model.h"
#include "port.h"
#include "stamp.h"
#include "text.h"
#include "upload.h"

#define PER_LINE 16

static bool listens;
static bool sounds; /* it comes by itself */
static bool heard_by_itself;
static int failed; /* what the engine returned while nobody asked */

bool hear_listens(void) {
    return listens;
}

bool hear_sounds(void) {
    return sounds;
}

static void values(const int8_t *first, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        text(i == 0 ? "" : ", ");
        text_i32(first[i]);
    }
}

static void engine_failed(int status) {
    text("e-[Inference failed with ");
    text_i32(status);
    text("]\r\n");
}

static void begin(bool wraps) {
    hear_wraps(wraps);
    model_keep_state(true);
    busy_start();
    failed = 0;
    heard_by_itself = false;
    listens = true;
}

void hear_start(char *rest) {
    if (listens) {
        text("Already listening. Ignoring start request\r\n");
        return;
    }
    begin(strstr(rest, "wraps") != NULL);
    text("Listening for samples ...\r\n");
    stamp_now();
    if (FRONT_HOP == SOUND_HOP && strstr(rest, "uploads") == NULL && port_sound_start()) {
        upload_forget(); /* sound takes its place */
        sounds = true;
        heard_by_itself = true;
        text("They come by themselves.\r\n");
    }
}

static void counted(void) {
    text("m-heard-[");
    text_u32(hear_frames());
    text(" ");
    text_u32(hear_outside());
    text("]\r\n");
    busy_text(heard_by_itself);
    if (failed < 0) {
        engine_failed(failed);
    }
}

void hear_stop(char *rest) {
    if (!listens) {
        text("Not listening. Ignoring stop request\r\n");
        return;
    }
    if (sounds) {
        port_sound_stop();
        sounds = false;
    }
    stamp_now();
    listens = false;
    text("Streaming stopped.\r\n");
    counted();
    if (!text_equals(rest, "quiet")) {
        text("target activations: \r\n[");
        const uint32_t count = hear_frames() < HEAR_KEPT ? hear_frames() : HEAR_KEPT;
        for (uint32_t frame = 0; frame < count; frame++) {
            text(frame == 0 ? "" : frame % PER_LINE == 0 ? ",\r\n" : ", ");
            text_i32(hear_kept(frame));
        }
        text("]\r\n");
    }
    model_keep_state(false);
}

void hear_begins(void) {
    busy_begins();
}

void hear_ends(bool inferred) {
    /* The first frame marks the beginning, whatever is in it. */
    if (inferred && (hear_frames() == 1 || hear_activation(0) > HEAR_DETECTED)) {
        port_detected();
    }
    busy_ends();
}

/* Hear what is in the input. */
static int hear_frame(void) {
    hear_begins();
    const int status = infer_untimed(1);
    if (status >= 0) {
        model_finish();
    }
    hear_ends(status >= 0);
    return status;
}

void hear_meanwhile(void) {
    uint32_t came_us;
    while (sounds && port_sound_next((int16_t *)(void *)model_input, &came_us)) {
        busy_came(came_us);
        const int status = hear_frame();
        failed = status < 0 ? status : failed;
    }
}

void hear_uploaded(char *rest) {
    (void)rest;
    if (upload_received_b() != model_input_b) {
        text("e-[Command 'extract_uart_stream' needs ");
        text_u32(FRONT_HOP);
        text(" samples: db load ");
        text_u32(model_input_b);
        text("]\r\n");
        return;
    }
    if (!listens) {
        begin(false);
    }
    const int status = hear_frame();
    if (status < 0) {
        engine_failed(status);
        return;
    }
    text("m-features-[");
    values(hear_features(), FRONT_BANDS);
    text("]\r\nm-activations-[");
    for (uint32_t i = 0; i < model_result_count; i++) {
        const int8_t activation = hear_activation(i);
        text(i == 0 ? "" : ", ");
        values(&activation, 1);
    }
    text("]\r\n");
}

void hear_state(void) {
    text(listens ? "m-state-[listening]\r\n" : "m-state-[idle]\r\n");
    counted();
}

void hear_pin_high(char *rest) {
    (void)rest;
    port_busy(true);
}

void hear_pin_low(char *rest) {
    (void)rest;
    port_busy(false);
}

void hear_caps(void) {
    text(" stream-");
    text_u32(FRONT_HOP);
}
