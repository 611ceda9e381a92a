/* Pins, by their number, led by the GPIO matrix. Ref: "IO MUX and GPIO Matrix". */
#ifndef TINYBENCH_ESP32_PINS_H
#define TINYBENCH_ESP32_PINS_H

#include "chip.h"
#include "cpu.h"

#define GPIO_OUT_W1TS (GPIO + 0x08)
#define GPIO_OUT_W1TC (GPIO + 0x0C)
#define GPIO_ENABLE_W1TS (GPIO + 0x24)
#define GPIO_PIN(n) (GPIO + 0x74 + 4 * (n))
#define PIN_OPEN_DRAIN (1u << 2)
#define GPIO_IN_SEL(signal) (GPIO + 0x154 + 4 * (signal))
#define GPIO_OUT_SEL(n) (GPIO + 0x554 + 4 * (n))
#define MUX_PULL_UP (1u << 8)
#define MUX_INPUT (1u << 9)
#define MUX_FUNCTION (7u << 12)
#define MUX_GPIO (1u << 12)

static inline void pin_to_matrix(uint32_t pin, uint32_t more) {
    register_change(IO_MUX(pin), MUX_FUNCTION | more, MUX_GPIO | more);
}

#endif
