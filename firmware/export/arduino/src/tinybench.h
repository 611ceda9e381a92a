/* The benchmark's device under test, on any line of Arduino's. */
#ifndef TINYBENCH_H
#define TINYBENCH_H

#include <Arduino.h>

#include "tinybench/config.h"

/* Answer the host on `line`, for ever. In the energy build, `timing_pin` marks time: it is high,
 * and falls for 2 us. */
void tinybench_run(Stream &line, uint8_t timing_pin);

#endif
