/* The public MLPerf Tiny API on the inside of ours: an engine that implements th_* is driven as one
 * that implements model.h. */
#include "model.h"

#include <stdbool.h>
#include <string.h>

#include "api/internally_implemented.h"
#include "api/submitter_implemented.h"
#include "port.h"
#include "printf.h"
#include "stamp.h"
#include "text.h"
#include "values.h"
#include "window.h"

#define ENGINE_SPOKE (-1) /* what th_load_tensor or th_infer printed stands for an error */
#define RESULTS_BEGIN "m-results-["

/* Of the task; make sets both. */
const char model_id[] = TH_MODEL_VERSION;
const uint32_t model_input_b = MAX_DB_INPUT_SIZE;

_Alignas(16) uint8_t model_input[MAX_DB_INPUT_SIZE];
const uint8_t model_input_flip = 0;
const uint32_t model_layer_count = 1;

#define SAID_MAX_B 512
/* As much as one value that long, for the room that frames need. */
const uint32_t model_result_count = 1;
const uint32_t model_result_decimals = SAID_MAX_B;

static char said[SAID_MAX_B]; /* by the engine, since it was last called */
static uint32_t said_b;
static char results[SAID_MAX_B];
static bool initialised;
static bool failed;

static void hear(char c) {
    if (said_b < sizeof said - 1) {
        said[said_b++] = c;
    }
    said[said_b] = '\0';
}

__attribute__((weak)) void th_final_initialize(void) {
}

__attribute__((weak)) void th_pre(void) {
}

__attribute__((weak)) void th_post(void) {
}

void window_begins(void) {
    th_pre();
}

void window_ends(void) {
    th_post();
}

void model_load(void) {
    if (!initialised) {
        th_final_initialize();
        initialised = true;
    }
    said_b = 0;
    th_load_tensor();
    failed = said_b > 0;
}

int model_infer(void) {
    if (failed) {
        return ENGINE_SPOKE;
    }
    said_b = 0;
    th_infer();
    return said_b > 0 ? ENGINE_SPOKE : 0;
}

int model_infer_layer(uint32_t index) {
    (void)index;
    return model_infer();
}

/* Keep what the engine prints as results, then load the input again: stock firmware does so before
 * every window, and an engine may have used the memory of its input for something else. */
void model_finish(void) {
    said_b = 0;
    said[0] = '\0';
    th_results();
    results[0] = '\0';
    const char *begin = strstr(said, RESULTS_BEGIN);
    const char *end = begin == NULL ? NULL : strchr(begin, ']');
    if (end != NULL) {
        begin += strlen(RESULTS_BEGIN);
        memcpy(results, begin, (size_t)(end - begin));
        results[end - begin] = '\0';
    }
    model_load();
}

void values_text(void) {
    text(results);
}

size_t ee_get_buffer(uint8_t *buffer, size_t max_len) {
    /* An engine is called with a complete input only. */
    size_t count = max_len < model_input_b ? max_len : model_input_b;
    if (buffer != NULL) {
        memcpy(buffer, model_input, count);
    }
    return count;
}

uint8_t *ee_get_buffer_pointer(void) {
    return model_input;
}

int th_vprintf(const char *format, va_list arguments) {
    uint32_t before_b = said_b;
    format_text(hear, format, arguments);
    return (int)(said_b - before_b);
}

void th_printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    th_vprintf(format, arguments);
    va_end(arguments);
}

void th_timestamp(void) {
    stamp_now();
}

char th_getchar(void) {
    return (char)port_getc();
}

int th_strncmp(const char *left, const char *right, size_t count) {
    return strncmp(left, right, count);
}

char *th_strncpy(char *to, const char *from, size_t count) {
    return strncpy(to, from, count);
}

size_t th_strnlen(const char *string, size_t count) {
    const char *end = memchr(string, '\0', count);
    return end == NULL ? count : (size_t)(end - string);
}

char *th_strcat(char *to, const char *from) {
    return strcat(to, from);
}

void *th_memset(void *to, int byte, size_t count) {
    return memset(to, byte, count);
}

void *th_memcpy(void *to, const void *from, size_t count) {
    return memcpy(to, from, count);
}
