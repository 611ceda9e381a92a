/* Run inferences on the uploaded input, time them and answer their results. */
#include "infer.h"

#include <stdbool.h>

#include "model.h"
#include "port.h"
#include "second_core.h"
#include "stamp.h"
#include "text.h"
#include "upload.h"
#include "values.h"
#ifdef TB_STREAM
#include "stream.h"
#endif
#ifdef TB_TH_API
#include "window.h"
#endif

/* Layers that are timed at a time: of more, the inferences are done again for the next ones. */
#define LAYERS_AT_ONCE 128

int infer_untimed(uint32_t count) {
    int status = 0;
    while (count-- > 0 && status >= 0) {
        status = model_infer();
    }
    return status;
}

/* Mark an end of a window. Of a stream the ends are marked, and no window: it is a frame of it; of
 * what learns its steps are, and no inference between them. */
static void mark_edge(void) {
#ifndef TB_TRAIN
    stamp_edge();
#endif
}

static void window_opens(void) {
#ifdef TB_STREAM
    if (hear_listens()) {
        hear_begins();
        return;
    }
#endif
    mark_edge();
}

static void window_closes(int status) {
#ifdef TB_STREAM
    if (hear_listens()) {
        if (status >= 0) {
            model_finish();
        }
        hear_ends(status >= 0);
        return;
    }
#endif
    mark_edge();
    if (status >= 0) {
        model_finish();
    }
}

int infer_timed(uint32_t iterations, uint32_t *start_us, uint32_t *end_us) {
    port_flush();
    port_align();
    window_opens();
    *start_us = port_micros();
#ifdef TB_TH_API
    window_begins();
#endif
    int status = infer_untimed(iterations);
#ifdef TB_TH_API
    window_ends();
#endif
    *end_us = port_micros();
    window_closes(status);
    return status;
}

static bool input_is_complete(void) {
    if (upload_received_b() == model_input_b) {
        return true;
    }
    /* Stock firmware says the first line and then infers on its old tensor all the same: a result
     * of nobody knows which input. A client must treat the line as fatal anyhow, so stop here. */
    text("Input db has ");
    text_u32(upload_received_b());
    text(" elemented, expected ");
    text_u32(model_input_b);
    text("\ne-[Inference needs a complete input]\r\n");
    return false;
}

static void engine_failed(int status) {
#ifdef TB_SECOND_CORE
    if (status == SECOND_CORE_SILENT) {
        text("e-[The second core did not answer]\r\n");
        return;
    }
#endif
    text("e-[Inference failed with ");
    text_i32(status);
    text("]\r\n");
}

void infer_window(uint32_t iterations, uint32_t warmups) {
    if (!input_is_complete()) {
        return;
    }
    text("m-warmup-start-");
    text_u32(warmups);
    text("\r\n");
    int status = infer_untimed(warmups);
    if (status < 0) {
        engine_failed(status);
        return;
    }
    text("m-warmup-done\r\n");
    text("m-infer-start-");
    text_u32(iterations);
    text("\r\n");

    /* Both stamps are printed after the window, where stock prints the first one inside it. */
    uint32_t start_us, end_us;
    status = infer_timed(iterations, &start_us, &end_us);
    if (status < 0) {
        engine_failed(status);
        return;
    }
    stamp_text(start_us);
    stamp_text(end_us);
    text("m-infer-done\r\n");
    infer_results();
}

/* Do inferences layer by layer, and time those from `first` on, as many as there is room for. The
 * end of a layer is the start of the next, so that nothing is lost between them. */
static int time_layers(uint32_t iterations, uint32_t first, uint32_t elapsed_us[LAYERS_AT_ONCE]) {
    for (uint32_t at = 0; at < LAYERS_AT_ONCE; at++) {
        elapsed_us[at] = 0;
    }
    port_flush();
    port_align();
    uint32_t start_us = port_micros();
    while (iterations-- > 0) {
        for (uint32_t layer = 0; layer < model_layer_count; layer++) {
            int status = model_infer_layer(layer);
            if (status < 0) {
                return status;
            }
            uint32_t end_us = port_micros();
            if (layer >= first && layer - first < LAYERS_AT_ONCE) {
                elapsed_us[layer - first] += end_us - start_us;
            }
            start_us = end_us;
        }
    }
    return 0;
}

void infer_layers(uint32_t iterations) {
    static uint32_t elapsed_us[LAYERS_AT_ONCE];
    if (!input_is_complete()) {
        return;
    }
    for (uint32_t layer = 0; layer < model_layer_count; layer++) {
        if (layer % LAYERS_AT_ONCE == 0) {
            int status = time_layers(iterations, layer, elapsed_us);
            if (status < 0) {
                engine_failed(status);
                return;
            }
        }
        text("m-layer-");
        text_u32(layer);
        text("-");
        text_u32(elapsed_us[layer % LAYERS_AT_ONCE]);
        text("\r\n");
    }
    model_finish();
}

void infer_results(void) {
    text("m-results-[");
    values_text();
    text("]\r\n");
}
