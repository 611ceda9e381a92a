/* libFuzzer target: the whole core, from its first banner on, fed with any bytes.
 *
 * In the text state the fuzzer's bytes are what comes over the line. In the frames state they are
 * orders to this file, which makes frames of them, most of them valid: no fuzzer guesses a CRC-32.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "port.h"

#ifndef INPUT_B
#define INPUT_B 8
#endif
#ifndef PAYLOAD_B
#define PAYLOAD_B 512
#endif
#define INFERENCES 50
#define BLOCK_MAX 1024

enum { DATA = 0x01, INFER = 0x02, LEAVE = 0x03, SLIDE = 0x04 };
enum { ACK = 0x81, RESULT = 0x82, REFUSED = 0x83 };

int firmware_main(void); /* core/main.c, compiled with -Dmain=firmware_main */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) {
        abort();
    }
}

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
static float results[2];

int model_infer(void) {
    return --inferences < 0 ? -1 : 0;
}

int model_infer_layer(uint32_t index) {
    return index == 0 ? model_infer() : 0;
}

void model_load(void) {
}

void model_finish(void) {
    memcpy(results, model_input, sizeof results);
}

float model_result(uint32_t index) {
    return results[index];
}

/* --- Frames, written anew: the core's own code is under test --- */

static uint32_t crc_of(const uint8_t *bytes, size_t count, uint8_t flip) {
    static uint32_t table[256]; /* made at the first call */
    for (uint32_t i = 0; table[255] == 0 && i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
        }
        table[i] = crc;
    }
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < count; i++) {
        crc = (crc >> 8) ^ table[(crc ^ bytes[i] ^ flip) & 0xFF];
    }
    return ~crc;
}

static void store(uint8_t *at, uint32_t value, size_t count) {
    for (size_t i = 0; i < count; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

static uint32_t fetch(const uint8_t *at, size_t count) {
    return count == 0 ? 0 : fetch(at, count - 1) | (uint32_t)at[count - 1] << 8 * (count - 1);
}

/* Bytes between two zeros, and what is in them. */
typedef struct {
    uint8_t raw[BLOCK_MAX];
    size_t raw_b;
    uint8_t body[BLOCK_MAX];
    size_t body_b;
} Block;

/* Add a byte; return whether it closes a block that holds a valid frame, of such a payload. */
static bool closes_frame(Block *block, uint8_t byte, size_t length_max) {
    if (byte != 0) {
        if (block->raw_b < BLOCK_MAX) {
            block->raw[block->raw_b] = byte;
        }
        block->raw_b++;
        return false;
    }
    size_t end = block->raw_b;
    block->raw_b = block->body_b = 0;
    if (end > BLOCK_MAX) {
        return false;
    }
    for (size_t at = 0; at < end;) {
        size_t code = block->raw[at];
        if (at + code > end) {
            return false;
        }
        memcpy(block->body + block->body_b, block->raw + at + 1, code - 1);
        block->body_b += code - 1;
        at += code;
        if (code < 255 && at < end) {
            block->body[block->body_b++] = 0;
        }
    }
    size_t length = block->body_b - 10;
    return block->body_b >= 10 && length <= length_max && fetch(block->body + 4, 2) == length &&
           fetch(block->body + 6 + length, 4) == crc_of(block->body, 6 + length, 0);
}

/* --- The line --- */

static const uint8_t *next;
static size_t left;

static bool in_frames;
static size_t commands;
static size_t answers;
static size_t ready_matched;
static size_t frames_matched;
static uint8_t last_byte;

/* What the host side has ready to send: "db load 0%" at first, to forget the last session. */
static uint8_t queue[BLOCK_MAX + 64];
static size_t queue_b;
static size_t queue_taken;

static Block to_dut;
static Block to_host;

/* The last valid frame to the core, the answers to it, and how many inferences were left then. */
static uint8_t asked;
static uint8_t asked_of[3]; /* upload and number */
static uint8_t asked_for[12];
static uint8_t replies[4];
static size_t reply_count;
static int inferences_before;

/* The last RESULT, and the payload of its request. */
static uint8_t last_result[BLOCK_MAX];
static size_t last_result_b;
static uint8_t last_for[12];

static uint8_t take(void) {
    if (left == 0) {
        return 0;
    }
    left--;
    return *next++;
}

static void queue_frame(uint8_t kind, uint8_t upload, uint16_t number, const uint8_t *payload,
                        size_t length) {
    uint8_t body[BLOCK_MAX] = {kind, upload};
    store(body + 2, number, 2);
    store(body + 4, (uint32_t)length, 2);
    memcpy(body + 6, payload, length);
    store(body + 6 + length, crc_of(body, 6 + length, 0), 4);
    size_t code_at = queue_b++;
    for (size_t i = 0; i < length + 10; i++) {
        if (queue_b - code_at == 255) {
            queue[code_at] = 255;
            code_at = queue_b++;
        }
        if (body[i] != 0) {
            queue[queue_b++] = body[i];
        } else {
            queue[code_at] = (uint8_t)(queue_b - code_at);
            code_at = queue_b++;
        }
    }
    queue[code_at] = (uint8_t)(queue_b - code_at);
    queue[queue_b++] = 0;
}

/* Make the next bytes to send of the fuzzer's: a frame, whole or damaged, or noise. */
static void queue_order(void) {
    const uint8_t order = take();
    const uint8_t upload = take();
    const uint8_t number = take();
    const uint8_t fill = take();
    uint8_t payload[800];

    queue_b = queue_taken = 0;
    switch (order & 7) {
    case 0:
    case 1:
    case 2: {
        uint32_t at = number * PAYLOAD_B;
        uint32_t rest = at < INPUT_B ? INPUT_B - at : 0;
        size_t length = (order & 8) != 0 ? fill * 3u : rest < PAYLOAD_B ? rest : PAYLOAD_B;
        for (size_t i = 0; i < length; i++) {
            payload[i] = (uint8_t)(fill + i * (order >> 6));
        }
        queue_frame(DATA, upload, number, payload, length);
        break;
    }
    case 3:
    case 4:
        store(payload, number & 7, 4);
        store(payload + 4, number >> 6, 4);
        store(payload + 8, crc_of(model_input, INPUT_B, model_input_flip), 4);
        payload[11] ^= (order & 8) != 0 ? fill : 0;
        queue_frame(INFER, upload, fill, payload, (order & 0xC0) != 0xC0 ? 12 : fill);
        break;
    case 5:
        memset(payload, number, sizeof payload);
        queue_frame((order & 8) != 0 ? fill : LEAVE, upload, number, payload, number >> 5);
        break;
    default:
        for (size_t i = 0; i < fill; i++) {
            queue[queue_b++] = take();
        }
        break;
    }
    if ((order & 0x10) != 0 && queue_b > 0) {
        queue[fill % queue_b] ^= upload | 1;
    }
    if ((order & 0x20) != 0 && queue_b > 0) {
        queue_b--;
    }
}

/* The core wants the next byte, so it has answered all that came before. */
static void check_replies(void) {
    if (asked == DATA || asked == SLIDE) {
        must(reply_count == 1 && replies[0] == ACK);
    } else if (asked == INFER) {
        must(reply_count > 0);
        const uint8_t reply = replies[reply_count - 1];
        must(reply_count == 1 || (reply_count == 2 && replies[0] == ACK));
        must(reply == REFUSED || (reply == RESULT && reply_count == 1));
    } else {
        must(reply_count == 0);
    }
    asked = 0;
    reply_count = 0;
}

static void sent_in_frames(uint8_t byte) {
    if (!closes_frame(&to_dut, byte, PAYLOAD_B)) {
        return;
    }
    const uint8_t *body = to_dut.body;
    const size_t length = to_dut.body_b - 10;
    if (body[0] == DATA || body[0] == SLIDE || (body[0] == INFER && length == 12)) {
        asked = body[0];
        memcpy(asked_of, body + 1, sizeof asked_of);
        memcpy(asked_for, body + 6, sizeof asked_for);
        inferences_before = inferences;
    } else if (body[0] == LEAVE && length == 0) {
        in_frames = false;
        commands++;
    }
}

static void received_in_frames(uint8_t byte) {
    bool whole = closes_frame(&to_host, byte, BLOCK_MAX);
    must(whole || byte != 0);
    if (!whole) {
        return;
    }
    must(reply_count < sizeof replies);
    replies[reply_count++] = to_host.body[0];
    if (to_host.body[0] == ACK) {
        return;
    }
    must(memcmp(to_host.body + 1, asked_of, sizeof asked_of) == 0);
    if (to_host.body[0] == REFUSED) {
        return;
    }
    if (inferences == inferences_before) { /* sent once more */
        must(to_host.body_b == last_result_b);
        must(memcmp(to_host.body, last_result, last_result_b) == 0);
        must(memcmp(asked_for, last_for, sizeof last_for) == 0);
    } else { /* of this very input */
        must(fetch(asked_for + 8, 4) == crc_of(model_input, INPUT_B, model_input_flip));
    }
    memcpy(last_result, to_host.body, to_host.body_b);
    last_result_b = to_host.body_b;
    memcpy(last_for, asked_for, sizeof last_for);
}

/* Count how much of `text`, from its start, has just been sent. */
static size_t match(const char *text, size_t matched, char c) {
    return c == text[matched] ? matched + 1 : c == text[0];
}

static void received_in_text(char c) {
    static const char ready[] = "m-ready\r\n";
    static const char frames[] = "m-frames-[1]\r\nm-ready\r\n";
    must((c >= ' ' && c <= '~') || c == '\r' || c == '\n'); /* no raw byte in a line */
    ready_matched = match(ready, ready_matched, c);
    frames_matched = match(frames, frames_matched, c);
    if (ready[ready_matched] == '\0') {
        answers++;
        ready_matched = 0;
    }
    if (frames[frames_matched] == '\0') {
        in_frames = true;
        frames_matched = 0;
        last_result_b = 0;
        to_dut.raw_b = to_host.raw_b = 0;
    }
}

const uint32_t port_receive_b = 4096;
const bool port_receives_free = true;

void port_init(void) {
}

int port_getc(void) {
    check_replies();
    while (queue_taken == queue_b && in_frames && left > 0) {
        queue_order();
    }
    if (queue_taken < queue_b) {
        last_byte = queue[queue_taken++];
    } else if (left > 0) {
        last_byte = take();
    } else {
        commands += in_frames; /* the end of the line is answered as LEAVE */
        in_frames = false;
        last_byte = 0;
        return -1;
    }
    if (in_frames) {
        sent_in_frames(last_byte);
    } else {
        commands += last_byte == '%';
    }
    return last_byte;
}

void port_putc(char c) {
    if (in_frames) {
        received_in_frames((uint8_t)c);
    } else {
        received_in_text(c);
    }
}

void port_flush(void) {
}

bool port_takes_baud(uint32_t baud) {
    return baud <= 9600;
}

void port_set_baud(uint32_t baud) {
    if (baud == 0) { /* by a byte that did not end a command, or by the end of the line */
        commands += in_frames || last_byte != '%';
        in_frames = false;
    }
}

uint32_t port_micros(void) {
    return 0xFFFFFFFF;
}

void port_align(void) {
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char forget[] = "db load 0%";
    next = data;
    left = size;
    memcpy(queue, forget, queue_b = sizeof forget - 1);
    queue_taken = 0;
    in_frames = false;
    inferences = INFERENCES;
    commands = answers = ready_matched = frames_matched = 0;
    asked = 0;
    reply_count = 0;
    firmware_main();
    must(answers == commands + 1); /* one m-ready each, and the banner's */
    return 0;
}
