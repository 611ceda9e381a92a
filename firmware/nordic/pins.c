/* The pins of Nordic's chips. Ref: nRF52840 Product Specification, "GPIO", Registers. */
#include "pins.h"

#include "chip.h"
#include "cpu.h"

#ifndef LED_PIN
#error "the board's declaration lacks led_pin in [port]"
#endif
#ifndef LED_ON_LOW
#define LED_ON_LOW 0
#endif

#define GPIO_SIZE_B 0x300u
#define GPIO_OUTSET 0x008u
#define GPIO_OUTCLR 0x00Cu
#define GPIO_PIN_CNF 0x200u
#define CNF_OUTPUT (1u << 0)
#define CNF_INPUT_DISCONNECT (1u << 1)
#define CNF_PULL_UP (3u << 2)
#define CNF_DRIVE_S0D1 (6u << 8) /* standard low, disconnected high */

static uint32_t gpio(uint32_t pin) {
    return GPIO_P0 + pin / 32 * GPIO_SIZE_B;
}

static void configure(uint32_t pin, uint32_t bits) {
    register_write(gpio(pin) + GPIO_PIN_CNF + pin % 32 * 4, bits);
}

void pin_set(uint32_t pin, bool high) {
    register_write(gpio(pin) + (high ? GPIO_OUTSET : GPIO_OUTCLR), 1u << pin % 32);
}

void pin_output(uint32_t pin, bool high) {
    pin_set(pin, high);
    configure(pin, CNF_OUTPUT | CNF_INPUT_DISCONNECT);
}

void pin_open_drain(uint32_t pin) {
    pin_set(pin, true);
    configure(pin, CNF_OUTPUT | CNF_INPUT_DISCONNECT | CNF_DRIVE_S0D1);
}

void pin_input(uint32_t pin) {
    configure(pin, CNF_PULL_UP);
}

void led_start(void) {
    pin_output(LED_PIN, !LED_ON_LOW);
}

void led_off(void) {
    pin_set(LED_PIN, LED_ON_LOW);
}
