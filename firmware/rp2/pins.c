/* The pins of the RP2040 and RP2350. Ref: RP2040 data sheet, 2.19 GPIO; RP2350 data sheet, 9.7. */
#include "pins.h"

#include "chip.h"
#include "cpu.h"
#include "resets.h"

#ifndef LED_PIN
#error "the board's declaration lacks led_pin in [port]"
#endif

#define GPIO_CTRL(pin) (IO_BANK0 + 8u * (pin) + 4u)
#define FUNCSEL_UART 2u
#define FUNCSEL_SIO 5u
#define PAD(pin) (PADS_BANK0 + 4u * (pin) + 4u)
#define PAD_SCHMITT (1u << 1)
#define PAD_PULL_UP (1u << 3)
#define PAD_DRIVE_4_MA (1u << 4)
#define PAD_INPUT (1u << 6)

/* The function before the pad: an RP2350 isolates the pad until it is written. */
static void connect(uint32_t pin, uint32_t function, uint32_t pull) {
    register_write(GPIO_CTRL(pin), function);
    register_write(PAD(pin), PAD_INPUT | PAD_DRIVE_4_MA | PAD_SCHMITT | pull);
}

void pins_start(void) {
    restart(RESETS_IO_BANK0 | RESETS_PADS_BANK0);
}

void pin_set(uint32_t pin, bool high) {
    register_write(high ? GPIO_OUT_SET : GPIO_OUT_CLR, 1u << pin);
}

void pin_output(uint32_t pin) {
    register_write(GPIO_OUT_CLR, 1u << pin);
    register_write(GPIO_OE_SET, 1u << pin);
    connect(pin, FUNCSEL_SIO, 0);
}

void pin_open_drain(uint32_t pin) {
    register_write(GPIO_OE_CLR, 1u << pin);
    register_write(GPIO_OUT_CLR, 1u << pin);
    connect(pin, FUNCSEL_SIO, 0);
}

void pin_pull_low(uint32_t pin, bool low) {
    register_write(low ? GPIO_OE_SET : GPIO_OE_CLR, 1u << pin);
}

void pin_to_uart(uint32_t pin, bool receives) {
    connect(pin, FUNCSEL_UART, receives ? PAD_PULL_UP : 0);
}

void led_start(void) {
    pin_output(LED_PIN);
    pin_set(LED_PIN, true);
}

void led_off(void) {
    pin_set(LED_PIN, false);
}
