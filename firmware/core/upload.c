/* The upload buffer: fill model_input through `db` or frames, and know whether it is complete. */
#include "upload.h"

#include <string.h>

#include "crc32.h"
#include "model.h"
#include "text.h"

#define PRINT_BYTES_PER_LINE 8

static uint32_t announced_b;
static uint32_t received_b;

/* Value of a hex digit, or -1. */
static int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return -1;
}

/* Answer the first pair that is not hex and return false, or return true. */
static bool all_hex(const char *hex) {
    for (; *hex != '\0'; hex += 2) {
        if (hex_value(hex[0]) < 0 || hex_value(hex[1]) < 0) {
            const char pair[3] = {hex[0], hex[1], '\0'};
            text("e-[Invalid hex digit '");
            text(pair);
            text("']\r\n");
            return false;
        }
    }
    return true;
}

void upload_forget(void) {
    announced_b = 0;
    received_b = 0;
}

/* Count bytes that are in their place. */
static void add_received(uint32_t count) {
    received_b += count;
    if (received_b == model_input_b) {
        model_load();
    }
}

void upload_load(int32_t size_b) {
    /* A refused `db load` forgets the buffer too: what follows it was meant for another size. */
    upload_forget();
    if (size_b == 0) {
        text("e-[Command 'db load' must be >0 bytes]\r\n");
    } else if (size_b < 0 || (uint32_t)size_b > model_input_b) {
        text("Supplied buffer size ");
        text_i32(size_b);
        text(" exceeds maximum of ");
        text_u32(model_input_b);
        text("\n");
    } else {
        announced_b = (uint32_t)size_b;
        text("m-[Expecting ");
        text_u32(announced_b);
        text(" bytes]\r\n");
    }
}

void upload_append(const char *hex) {
    uint32_t digits = (uint32_t)strlen(hex);
    if (digits % 2 != 0) {
        text("e-[Insufficent number of hex digits]\r\n");
        return;
    }
    if (!all_hex(hex)) {
        return;
    }
    /* Stock firmware checks neither of these, and writes past its buffer. */
    if (announced_b == 0) {
        text("e-[Command 'db' requires 'db load' first]\r\n");
        return;
    }
    if (digits / 2 > announced_b - received_b) {
        text("e-[Command 'db' has more bytes than 'db load' announced]\r\n");
        return;
    }
    for (uint32_t at = received_b; *hex != '\0'; hex += 2) {
        uint8_t byte = (uint8_t)(hex_value(hex[0]) * 16 + hex_value(hex[1]));
        model_input[at++] = byte ^ model_input_flip;
    }
    add_received(digits / 2);
    if (received_b == announced_b) {
        text("m-load-done\r\n");
    }
}

void upload_write(uint32_t at, const uint8_t *bytes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        model_input[at + i] = bytes[i] ^ model_input_flip;
    }
    add_received(count);
}

void upload_slide(const uint8_t *bytes, uint32_t count) {
    uint32_t kept_b = model_input_b - count;
    memmove(model_input, model_input + count, kept_b);
    received_b = kept_b;
    upload_write(kept_b, bytes, count);
}

uint32_t upload_crc32(void) {
    return crc32(0, model_input, model_input_b, model_input_flip);
}

void upload_print(void) {
    /* Stock prints all announced bytes, among them stale ones of an earlier upload, which could
     * pass for received. After a complete upload there is no difference. */
    uint32_t i = 0;
    while (i < received_b) {
        text(i % PRINT_BYTES_PER_LINE == 0 ? "m-buffer-" : "-");
        text_hex(model_input[i++] ^ model_input_flip);
        if (i % PRINT_BYTES_PER_LINE == 0 || i == received_b) {
            text("\r\n");
        }
    }
    /* As stock: an empty line follows a last line that is not full. */
    if (i % PRINT_BYTES_PER_LINE != 0) {
        text("\r\n");
    }
}

uint32_t upload_received_b(void) {
    return received_b;
}
