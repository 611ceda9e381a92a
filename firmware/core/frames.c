/* The fast link: inputs and inferences as binary frames. Ref: docs/link.md. */
#include "frames.h"

#include <string.h>

#include "baud.h"
#include "cobs.h"
#include "crc32.h"
#include "infer.h"
#include "model.h"
#include "port.h"
#include "text.h"
#include "upload.h"
#include "values.h"

#define VERSION 1
#ifndef PAYLOAD_B
#define PAYLOAD_B 512 /* of a full DATA; a chip short of RAM may define less */
#endif
#define FRAMES_MAX 256 /* of an input */

#define HEAD_B 6
#define CRC_B 4
#define INFER_B 12       /* payload of INFER */
#define RESULT_HEAD_B 12 /* payload of RESULT before its text */
_Static_assert(PAYLOAD_B >= INFER_B, "an INFER frame must fit, too");
#define BODY_MAX (HEAD_B + PAYLOAD_B + CRC_B)
/* On the line, with the code words of COBS and the closing zero. */
#define LINE_MAX_B (BODY_MAX + BODY_MAX / 254 + 2)
/* Sign, digits of 32 bits, point and comma. The text of a result has to fit the 16 bits of a
 * length. */
#define VALUE_MAX_B (13 + model_result_decimals)

enum { DATA = 0x01, INFER = 0x02, LEAVE = 0x03, SLIDE = 0x04, PATCH = 0x05 };
enum { ACK = 0x81, RESULT = 0x82, REFUSED = 0x83, PATCHED = 0x84 };
enum { INCOMPLETE = 1, OTHER_INPUT = 2, BAD_COUNT = 3, ENGINE_FAILED = 4, NO_PLACE = 5 };

typedef struct {
    uint8_t upload;
    uint16_t number;
    uint32_t iterations;
    uint32_t warmups;
    uint32_t input_crc;
} Request;

/* The current upload: its number, and a bit for each frame received. */
static uint8_t current;
static uint32_t received[FRAMES_MAX / 32];

/* The request that was inferred last, if any, and when it began and ended. */
static bool answered;
static Request last;
static uint32_t start_us;
static uint32_t end_us;

/* --- Frames out --- */

static uint32_t sent_crc;

static void put(uint8_t byte) {
    sent_crc = crc32(sent_crc, &byte, 1, 0);
    cobs_put(byte);
}

static void put_u16(uint16_t value) {
    put((uint8_t)value);
    put((uint8_t)(value >> 8));
}

static void put_u32(uint32_t value) {
    put_u16((uint16_t)value);
    put_u16((uint16_t)(value >> 16));
}

static void begin(uint8_t kind, uint8_t upload, uint16_t number, uint16_t length) {
    sent_crc = 0;
    put(kind);
    put(upload);
    put_u16(number);
    put_u16(length);
}

static void end(void) {
    put_u32(sent_crc);
    cobs_end();
    port_flush();
}

static bool is_received(uint32_t frame) {
    return frame < FRAMES_MAX && (received[frame / 32] >> frame % 32 & 1) != 0;
}

static void acknowledge(void) {
    uint32_t first_missing = 0;
    while (is_received(first_missing)) {
        first_missing++;
    }
    uint32_t beyond = 0;
    for (uint32_t k = 0; k < 32; k++) {
        beyond |= (uint32_t)is_received(first_missing + 1 + k) << k;
    }
    begin(ACK, current, (uint16_t)first_missing, 4);
    put_u32(beyond);
    end();
}

static void refuse(const Request *request, uint8_t reason, int32_t detail) {
    begin(REFUSED, request->upload, request->number, 5);
    put(reason);
    put_u32((uint32_t)detail);
    end();
}

static uint32_t characters;

static void count_character(char c) {
    (void)c;
    characters++;
}

static void put_character(char c) {
    put((uint8_t)c);
}

static void send_result(void) {
    /* The length goes first, so the text is made twice rather than kept. */
    characters = 0;
    text_to(count_character);
    values_text();
    begin(RESULT, last.upload, last.number, (uint16_t)(RESULT_HEAD_B + characters));
    put_u32(last.iterations);
    put_u32(start_us);
    put_u32(end_us);
    text_to(put_character);
    values_text();
    text_to(port_putc);
    end();
}

/* --- Frames in --- */

static uint16_t u16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static uint32_t u32(const uint8_t *bytes) {
    return u16(bytes) | (uint32_t)u16(bytes + 2) << 16;
}

/* Start upload number `upload`: nothing of it is received yet. */
static void start(uint8_t upload) {
    current = upload;
    memset(received, 0, sizeof received);
    upload_forget();
}

static void take_data(uint8_t upload, uint16_t number, const uint8_t *bytes, uint32_t length) {
    uint32_t at = (uint32_t)number * PAYLOAD_B;
    uint32_t rest = at < model_input_b ? model_input_b - at : 0;
    if (length > 0 && length == (rest < PAYLOAD_B ? rest : PAYLOAD_B)) {
        if (upload != current) {
            start(upload);
        }
        if (!is_received(number)) {
            received[number / 32] |= 1u << number % 32;
            upload_write(at, bytes, length);
        }
    }
    acknowledge();
}

static void take_slide(uint8_t upload, uint16_t from, const uint8_t *bytes, uint32_t length) {
    bool fits = length > 0 && length <= PAYLOAD_B && length < model_input_b;
    if (fits && upload != current && from == current && upload_received_b() == model_input_b) {
        current = upload; /* and all of its frames are there */
        upload_slide(bytes, length);
    }
    acknowledge();
}

static bool is_last(const Request *request) {
    return answered && request->upload == last.upload && request->number == last.number &&
           request->iterations == last.iterations && request->warmups == last.warmups &&
           request->input_crc == last.input_crc;
}

static void take_infer(const Request *request) {
    if (is_last(request)) {
        send_result(); /* it was lost on its way */
    } else if (request->upload != current || upload_received_b() != model_input_b) {
        acknowledge();
        refuse(request, INCOMPLETE, 0);
    } else if (request->input_crc != upload_crc32()) {
        start(current);
        refuse(request, OTHER_INPUT, 0);
    } else if (request->iterations == 0) {
        refuse(request, BAD_COUNT, 0);
    } else {
        answered = false;
        int status = infer_untimed(request->warmups);
        if (status >= 0) {
            status = infer_timed(request->iterations, &start_us, &end_us);
        }
        if (status < 0) {
            refuse(request, ENGINE_FAILED, status);
            return;
        }
        last = *request;
        answered = true;
        send_result();
    }
}

#ifdef TB_PATCHES
#define PATCH_HEAD_B 4 /* payload of PATCH before the bytes to write */

/* Write bytes into a constant of the model, all of them or none; of no bytes its rest is told. */
static void take_patch(uint16_t number, const uint8_t *payload, uint32_t length) {
    uint32_t size_b = 0;
    uint8_t *place = model_place(number, &size_b);
    uint32_t at = u32(payload);
    uint32_t count = length - PATCH_HEAD_B;
    if (place == NULL || at > size_b || count > size_b - at) {
        const Request none = {0, number, 0, 0, 0};
        refuse(&none, NO_PLACE, (int32_t)size_b);
        return;
    }
    if (count > 0) {
        memcpy(place + at, payload + PATCH_HEAD_B, count);
        answered = false; /* another model would answer now */
    }
    begin(PATCHED, 0, number, 8);
    put_u32(at);
    put_u32(crc32(0, place + at, count > 0 ? count : size_b - at, 0));
    end();
}
#endif

bool frames_offered(void) {
    return port_receive_b >= LINE_MAX_B && model_input_b <= FRAMES_MAX * PAYLOAD_B &&
           model_result_count <= (UINT16_MAX - RESULT_HEAD_B) / VALUE_MAX_B;
}

void frames_caps(void) {
    text("frames-");
    text_u32(VERSION);
    text("-");
    text_u32(PAYLOAD_B);
    text("-");
    text_u32(port_receive_b);
    text(" slide");
    if (port_receives_free) {
        text(" ahead");
    }
#ifdef TB_PATCHES
    text(" patch");
#endif
}

void frames_run(void) {
    static uint8_t body[BODY_MAX];

    text("m-frames-[");
    text_u32(VERSION);
    text("]\r\nm-ready\r\n");
    port_flush();
    start(0);
    answered = false;

    int32_t body_b;
    while ((body_b = cobs_receive(body, sizeof body)) >= 0) {
        uint32_t length = (uint32_t)body_b - HEAD_B - CRC_B;
        const uint8_t *payload = body + HEAD_B;
        if (body_b < HEAD_B + CRC_B || u16(body + 4) != length ||
            u32(payload + length) != crc32(0, body, HEAD_B + length, 0)) {
            if (baud_doubt()) {
                break;
            }
            continue; /* damaged */
        }
        baud_trust();
        uint8_t upload = body[1];
        uint16_t number = u16(body + 2);
        if (body[0] == DATA) {
            take_data(upload, number, payload, length);
        } else if (body[0] == SLIDE) {
            take_slide(upload, number, payload, length);
        } else if (body[0] == INFER && length == INFER_B) {
            const Request request = {upload, number, u32(payload), u32(payload + 4),
                                     u32(payload + 8)};
            take_infer(&request);
#ifdef TB_PATCHES
        } else if (body[0] == PATCH && length >= PATCH_HEAD_B) {
            take_patch(number, payload, length);
#endif
        } else if (body[0] == LEAVE && length == 0) {
            break;
        }
    }
    if (upload_received_b() != model_input_b) {
        upload_forget(); /* `db print` knows of no gaps */
    }
    text("\r\n");
}
