/* A board where no pins of a stream are wired, and no sound comes by itself. */
#include "port.h"

__attribute__((weak)) void port_busy(bool busy) {
    (void)busy;
}

__attribute__((weak)) void port_detected(void) {
}

__attribute__((weak)) bool port_sound_start(void) {
    return false;
}

__attribute__((weak)) bool port_sound_next(int16_t samples[512], uint32_t *came_us) {
    (void)samples;
    (void)came_us;
    return false;
}

__attribute__((weak)) uint32_t port_sound_lost(void) {
    return 0;
}

__attribute__((weak)) void port_sound_stop(void) {
}
