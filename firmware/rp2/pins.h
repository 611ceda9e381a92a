/* Pins, by their number. */
#ifndef TINYBENCH_PINS_H
#define TINYBENCH_PINS_H

#include <stdbool.h>
#include <stdint.h>

/* Let pins be used. Before all else of this file. */
void pins_start(void);

void pin_set(uint32_t pin, bool high);

/* Make an output, which begins low. */
void pin_output(uint32_t pin);

/* Make an open drain, which begins let go; then pull it low, or let it go. */
void pin_open_drain(uint32_t pin);
void pin_pull_low(uint32_t pin, bool low);

/* Give a pin to UART0; one that receives is pulled up. */
void pin_to_uart(uint32_t pin, bool receives);

/* The LED, which is on until the board is ready. */
void led_start(void);
void led_off(void);

#endif
