/* Pins: 32 times the port, and the number in it. */
#ifndef TINYBENCH_PINS_H
#define TINYBENCH_PINS_H

#include <stdbool.h>
#include <stdint.h>

void pin_set(uint32_t pin, bool high);

/* Make an output, which begins high or low, or an open drain, which begins let go. */
void pin_output(uint32_t pin, bool high);
void pin_open_drain(uint32_t pin);

/* Make an input that is pulled up. */
void pin_input(uint32_t pin);

/* The LED, which is on until the board is ready. */
void led_start(void);
void led_off(void);

#endif
