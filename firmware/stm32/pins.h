/* The pins of ST's chips, which all families since the F2 have alike. A pin is named by one number:
 * 16 times its port, A being 0, and the number in it. */
#ifndef TINYBENCH_PINS_H
#define TINYBENCH_PINS_H

#include <stdbool.h>
#include <stdint.h>

/* Drive a pin; to be said before it becomes an output, too. */
void pin_set(uint32_t pin, bool high);

/* Make a pin an output that is driven both ways, or pulled to low only. */
void pin_output(uint32_t pin);
void pin_open_drain(uint32_t pin);

/* Make a pin an output that is driven both ways, and high from the beginning. */
void pin_output_high(uint32_t pin);

/* Give a pin to a peripheral, which is named by its number in the table of alternate functions. */
void pin_connect(uint32_t pin, uint32_t alternate);

/* Let a resistor of the chip's pull a pin to high. */
void pin_pull_up(uint32_t pin);

/* The board's LED: make its pin an output and switch it on, or switch it off. */
void led_start(void);
void led_off(void);

#endif
