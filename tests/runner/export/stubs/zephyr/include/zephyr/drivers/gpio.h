/* A stand-in of Zephyr's GPIO API. */
#ifndef STUB_GPIO_H
#define STUB_GPIO_H

#include <stdint.h>
#include <zephyr/device.h>
#include <zephyr/devicetree.h>

typedef uint8_t gpio_pin_t;
typedef uint16_t gpio_dt_flags_t;
typedef uint32_t gpio_flags_t;

struct gpio_dt_spec {
    const struct device *port;
    gpio_pin_t pin;
    gpio_dt_flags_t dt_flags;
};

#define GPIO_OUTPUT_INACTIVE (1u << 17 | 1u << 18)
#define GPIO_OUTPUT_ACTIVE (1u << 17 | 1u << 19)
#define STUB_PIN(node, prop) STUB_##node##_##prop##_PIN
#define GPIO_DT_SPEC_GET(node, prop) STUB_SPEC(node, prop)
#define STUB_SPEC(node, prop) {.port = &stub_uart, .pin = STUB_PIN(node, prop), .dt_flags = 0}

int gpio_pin_configure_dt(const struct gpio_dt_spec *spec, gpio_flags_t extra_flags);
int gpio_pin_set_dt(const struct gpio_dt_spec *spec, int value);

#endif
