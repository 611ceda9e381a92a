/* What the boot ROM of a chip finds and leaves. */
#ifndef TINYBENCH_ESP32_START_H
#define TINYBENCH_ESP32_START_H

/* Switch off what the ROM started for an image that it loads itself. */
void watchdogs_off(void);

#endif
