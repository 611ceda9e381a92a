/* Blocks on the serial line that hold any bytes and no zero, each closed by a zero. */
#include "cobs.h"

#include <stdbool.h>

#include "port.h"

/* A run of this length has no zero after it: its code word says only how long it is. */
#define RUN_MAX 254

int32_t cobs_receive(uint8_t *data, uint32_t size_b) {
    uint32_t count = 0;
    uint32_t left = 0;         /* of the run under way */
    bool empty = true;         /* nothing came since the last zero */
    bool zero_follows = false; /* the last run, once there is another */
    bool fits = true;
    for (;;) {
        int c = port_getc();
        if (c < 0) {
            return -1;
        }
        if (c == 0 && empty) {
            continue;
        }
        if (c == 0) {
            return fits && left == 0 ? (int32_t)count : 0;
        }
        bool code = left == 0;
        if (!code || zero_follows) {
            if (count < size_b) {
                data[count++] = code ? 0 : (uint8_t)c;
            } else {
                fits = false;
            }
        }
        if (code) {
            left = (uint32_t)c - 1;
            zero_follows = left < RUN_MAX;
        } else {
            left--;
        }
        empty = false;
    }
}

static uint8_t run[RUN_MAX];
static uint32_t run_b;

static void send_run(void) {
    port_putc((char)(run_b + 1));
    for (uint32_t i = 0; i < run_b; i++) {
        port_putc((char)run[i]);
    }
    run_b = 0;
}

void cobs_put(uint8_t byte) {
    if (byte != 0) {
        run[run_b++] = byte;
    }
    if (byte == 0 || run_b == RUN_MAX) {
        send_run();
    }
}

void cobs_end(void) {
    send_run();
    port_putc('\0');
}
