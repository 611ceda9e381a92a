/* How busy a stream keeps the core: sums over all frames, in microseconds. A sum that does not fit
 * stays at the most, which is none any more; 20 minutes are a quarter of it. */
#include "busy.h"

#include "front_end.h"
#include "port.h"
#include "text.h"

#define PERIOD_US FRONT_HOP_US
#define STALL_US                                                                                   \
    (PERIOD_US / 4 * 5) /* sound that comes so much later than it is due has stood still */

static uint32_t began_us;
static uint32_t last_came_us;
static uint32_t busy_us;
static uint32_t longest_us;
static uint32_t late;
static uint32_t frames;
static uint32_t came; /* frames that did so by themselves */
static uint32_t between_us;
static uint32_t stalls;

static uint32_t sum(uint32_t one, uint32_t other) {
    return one > UINT32_MAX - other ? UINT32_MAX : one + other;
}

void busy_start(void) {
    busy_us = 0;
    longest_us = 0;
    late = 0;
    frames = 0;
    came = 0;
    between_us = 0;
    stalls = 0;
}

void busy_came(uint32_t came_us) {
    if (came++ > 0) {
        const uint32_t period_us = came_us - last_came_us;
        between_us = sum(between_us, period_us);
        stalls += period_us > STALL_US;
    }
    last_came_us = came_us;
}

void busy_begins(void) {
    port_busy(true);
    began_us = port_micros();
}

void busy_ends(void) {
    const uint32_t took_us = port_micros() - began_us;
    port_busy(false);
    frames++;
    busy_us = sum(busy_us, took_us);
    longest_us = took_us > longest_us ? took_us : longest_us;
    late += took_us > PERIOD_US;
}

void busy_text(bool sounds) {
    text("m-busy-[");
    text_u32(frames);
    text(" ");
    text_u32(busy_us);
    text(" ");
    text_u32(longest_us);
    text(" ");
    text_u32(late);
    text("]\r\n");
    if (!sounds) {
        return;
    }
    text("m-sound-[");
    text_u32(came);
    text(" ");
    text_u32(between_us);
    text(" ");
    text_u32(port_sound_lost());
    text(" ");
    text_u32(stalls);
    text("]\r\n");
}
