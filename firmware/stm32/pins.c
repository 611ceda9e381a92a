/* The pins of ST's chips. Registers are named as in RM0090, "GPIO registers", and in RM0432, which
 * has the same. */
#include "pins.h"

#include "chip.h"
#include "clock.h"
#include "cpu.h"

#ifndef LED_PIN
#error "the board's declaration lacks led_pin in [port]"
#endif
#ifndef LED_ON_LOW
#define LED_ON_LOW 0
#endif

#define GPIO_SIZE_B 0x400u
#define GPIO_MODER 0x00u
#define MODE_OUTPUT 1u
#define MODE_ALTERNATE 2u
#define GPIO_OTYPER 0x04u
#define GPIO_PUPDR 0x0Cu
#define PULL_UP 1u
#define GPIO_BSRR 0x18u
#define GPIO_AFRL 0x20u

static uint32_t gpio(uint32_t pin) {
    return GPIOA + pin / 16 * GPIO_SIZE_B;
}

static void port_enable(uint32_t pin) {
    clock_enable(GPIO_ENABLE, 1u << pin / 16);
}

static void pin_mode(uint32_t pin, uint32_t mode) {
    register_change(gpio(pin) + GPIO_MODER, 3u << pin % 16 * 2, mode << pin % 16 * 2);
}

void pin_set(uint32_t pin, bool high) {
    register_write(gpio(pin) + GPIO_BSRR, 1u << (pin % 16 + (high ? 0 : 16)));
}

void pin_output(uint32_t pin) {
    port_enable(pin);
    pin_mode(pin, MODE_OUTPUT);
}

void pin_output_high(uint32_t pin) {
    port_enable(pin);
    pin_set(pin, true);
    pin_mode(pin, MODE_OUTPUT);
}

void pin_open_drain(uint32_t pin) {
    port_enable(pin);
    pin_set(pin, true); /* let go before it is driven */
    register_set(gpio(pin) + GPIO_OTYPER, 1u << pin % 16);
    pin_mode(pin, MODE_OUTPUT);
}

void pin_connect(uint32_t pin, uint32_t alternate) {
    port_enable(pin);
    uint32_t shift = pin % 8 * 4;
    register_change(gpio(pin) + GPIO_AFRL + pin % 16 / 8 * 4, 0xFu << shift, alternate << shift);
    pin_mode(pin, MODE_ALTERNATE);
}

void pin_pull_up(uint32_t pin) {
    register_change(gpio(pin) + GPIO_PUPDR, 3u << pin % 16 * 2, PULL_UP << pin % 16 * 2);
}

void led_start(void) {
    pin_output(LED_PIN);
    pin_set(LED_PIN, !LED_ON_LOW);
}

void led_off(void) {
    pin_set(LED_PIN, LED_ON_LOW);
}
