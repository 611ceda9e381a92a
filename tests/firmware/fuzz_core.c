/* libFuzzer target: the whole core, from its first banner on, fed with any bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "port.h"

#define INPUT_B 8
#define INFERENCES 50

int firmware_main(void); /* core/main.c, compiled with -Dmain=firmware_main */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A small engine, so that the fuzzer reaches complete uploads. It gives up after some inferences,
 * which ends windows of any length, and each result is another kind of number. */
const char model_id[] = "fuzz01";
const uint32_t model_input_b = INPUT_B;
uint8_t model_input[INPUT_B];
const uint32_t model_result_count = 2;
const uint32_t model_result_decimals = 9;
const uint8_t model_input_flip = 0x80;
const bool model_result_rounded = true;
const uint32_t model_layer_count = 2;
static int inferences;

int model_infer(void) {
    return --inferences < 0 ? -1 : 0;
}

int model_infer_layer(uint32_t index) {
    return index == 0 ? model_infer() : 0;
}

void model_load(void) {
}

void model_finish(void) {
}

float model_result(uint32_t index) {
    float value;
    memcpy(&value, model_input + 4 * index, sizeof value);
    return value;
}

/* A port that reads the fuzzer's bytes, and counts the answers in what is sent. */
static const char forget[] = "db load 0%";
static const uint8_t *next;
static size_t left;
static size_t forget_left;
static size_t commands;
static size_t answers;
static size_t matched;

void port_init(void) {
}

int port_getc(void) {
    int c;
    if (forget_left > 0) {
        c = forget[sizeof forget - 1 - forget_left--];
    } else if (left > 0) {
        left--;
        c = *next++;
    } else {
        return -1;
    }
    commands += c == '%';
    return c;
}

void port_putc(char c) {
    static const char ready[] = "m-ready\r\n";
    if (!(c >= ' ' && c <= '~') && c != '\r' && c != '\n') {
        abort(); /* a raw byte in a line */
    }
    matched = c == ready[matched] ? matched + 1 : c == ready[0];
    if (ready[matched] == '\0') {
        answers++;
        matched = 0;
    }
}

void port_flush(void) {
}

const uint32_t port_receive_b = 0;

bool port_takes_baud(uint32_t baud) {
    return baud <= 9600;
}

void port_set_baud(uint32_t baud) {
    (void)baud;
}

uint32_t port_micros(void) {
    return 0xFFFFFFFF;
}

void port_align(void) {
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    next = data;
    left = size;
    forget_left = sizeof forget - 1;
    inferences = INFERENCES;
    commands = answers = matched = 0;
    firmware_main();
    if (answers != commands + 1) {
        abort(); /* one m-ready each, and the banner's */
    }
    return 0;
}
