/* The commands of a stream. Ref: mlcommons/tiny, the reference submission of sww01; docs/stream.md
 */
#include <string.h>

#include "hear.h"
#include "infer.h"
#include "model.h"
#include "stamp.h"
#include "text.h"
#include "upload.h"

#define PER_LINE 16

static bool listens;

bool hear_listens(void) {
    return listens;
}

static void values(const int8_t *first, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        text(i == 0 ? "" : ", ");
        text_i32(first[i]);
    }
}

void hear_start(char *rest) {
    if (listens) {
        text("Already listening. Ignoring start request\r\n");
        return;
    }
    hear_wraps(strcmp(rest, "wraps") == 0);
    model_keep_state(true);
    listens = true;
    text("Listening for samples ...\r\n");
    stamp_now();
}

static void counted(void) {
    text("m-heard-[");
    text_u32(hear_frames());
    text(" ");
    text_u32(hear_outside());
    text("]\r\n");
}

void hear_stop(char *rest) {
    if (!listens) {
        text("Not listening. Ignoring stop request\r\n");
        return;
    }
    stamp_now();
    listens = false;
    text("Streaming stopped.\r\n");
    counted();
    if (strcmp(rest, "quiet") != 0) {
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

void hear_uploaded(char *rest) {
    (void)rest;
    if (upload_received_b() != model_input_b) {
        text("e-[Command 'extract_uart_stream' needs 512 samples: db load 1024]\r\n");
        return;
    }
    if (!listens) {
        listens = true;
        model_keep_state(true);
    }
    const int status = infer_untimed(1);
    if (status < 0) {
        text("e-[Inference failed with ");
        text_i32(status);
        text("]\r\n");
        return;
    }
    model_finish();
    text("m-features-[");
    values(hear_features(), LOG_MEL_BANDS);
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

void hear_caps(void) {
    text(" stream-");
    text_u32(LOG_MEL_HOP);
}
