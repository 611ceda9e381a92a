/* Blocks on the serial line that hold any bytes and no zero, each closed by a zero. */
#include "cobs.h"

#include <stdbool.h>

#include "port.h"

/* A run of this length has no zero after it: its code word says only how long it is. */
#define RUN_MAX 254

int32_t cobs_receive(uint8_t *data, uint32_t size_b) {
    uint32_t count = 0;
    bool begun = false;
    bool zero_follows = false; /* the last run, once there is another */
    bool fits = true;
    for (;;) {
        int code = port_getc();
        if (code < 0) {
            return -1;
        }
        if (code == 0 && begun) {
            return fits ? (int32_t)count : 0;
        }
        if (code == 0) {
            continue;
        }
        if (zero_follows && count < size_b) {
            data[count++] = 0;
        } else if (zero_follows) {
            fits = false;
        }
        for (int left = code - 1; left > 0; left--) {
            int c = port_getc();
            if (c <= 0) {
                return c; /* the line is closed, or the block too early */
            }
            if (count < size_b) {
                data[count++] = (uint8_t)c;
            } else {
                fits = false;
            }
        }
        begun = true;
        zero_follows = code <= RUN_MAX;
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
