/* The pins of a stream: processing, and wake word. */
#include "wake.h"

#include "pins.h"
#include "port.h"
#include "timing.h"

#if defined WAKE_PIN != defined BUSY_PIN
#error "the board's declaration has one of wake_pin and busy_pin in [port]: it takes both"
#endif

#if defined TB_STREAM && defined WAKE_PIN
void wake_start(void) {
    pin_output(BUSY_PIN); /* low since reset */
    pin_output_high(WAKE_PIN);
}

void port_busy(bool busy) {
    pin_set(BUSY_PIN, busy);
}

void port_detected(void) {
    timing_pulse_low(WAKE_PIN);
}
#else
void wake_start(void) {
}
#endif
