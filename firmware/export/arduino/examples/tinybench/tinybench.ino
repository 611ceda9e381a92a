// Benchmark firmware: choose the line to the host and the timing pin here.
#include <tinybench.h>

#ifdef TB_ENERGY
#define LINE Serial1 // the pins TX and RX: USB is unplugged while energy is measured
#else
#define LINE Serial
#endif
const uint8_t timing_pin = 2;

void setup() {
    LINE.begin(TB_BAUD);
    while (!LINE) {
        yield();
    }
    tinybench_run(LINE, timing_pin);
}

void loop() {
}
