/* Port for ESP-IDF: its serial line is a UART of the driver's, its clock that of esp_timer.
 *
 * Ref: ESP-IDF Programming Guide: UART, GPIO & RTC GPIO, ESP Timer.
 */
#include "port.h"

#include <driver/gpio.h>
#include <driver/uart.h>
#include <esp_rom_sys.h>
#include <esp_timer.h>
#include <freertos/FreeRTOS.h>
#include <sdkconfig.h>

#define LINE ((uart_port_t)CONFIG_TINYBENCH_UART)
#define PIN ((gpio_num_t)CONFIG_TINYBENCH_TIMING_PIN)
#define RECEIVE_B 2048
#define BAUD_MAX 921600u /* of the USB bridges on the boards */

const uint32_t port_receive_b = RECEIVE_B;
const bool port_receives_free = false;

static char held[128];
static size_t held_b;

void port_init(void) {
    const uart_config_t line = {
        .baud_rate = TB_BAUD,
        .data_bits = UART_DATA_8_BITS,
        .parity = UART_PARITY_DISABLE,
        .stop_bits = UART_STOP_BITS_1,
        .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
        .source_clk = UART_SCLK_DEFAULT,
    };
    ESP_ERROR_CHECK(uart_driver_install(LINE, RECEIVE_B, 0, 0, NULL, 0));
    ESP_ERROR_CHECK(uart_param_config(LINE, &line));
    ESP_ERROR_CHECK(uart_set_pin(LINE, CONFIG_TINYBENCH_TX_PIN, CONFIG_TINYBENCH_RX_PIN,
                                 UART_PIN_NO_CHANGE, UART_PIN_NO_CHANGE));
#ifdef TB_ENERGY
    ESP_ERROR_CHECK(gpio_reset_pin(PIN));
    ESP_ERROR_CHECK(gpio_set_direction(PIN, GPIO_MODE_OUTPUT));
    ESP_ERROR_CHECK(gpio_set_level(PIN, 1));
#endif
}

int port_getc(void) {
    uint8_t byte = 0;
    while (uart_read_bytes(LINE, &byte, 1, portMAX_DELAY) != 1) {
    }
    return byte;
}

static void send(void) {
    (void)uart_write_bytes(LINE, held, held_b);
    held_b = 0;
}

void port_putc(char c) {
    held[held_b++] = c;
    if (held_b == sizeof held) {
        send();
    }
}

void port_flush(void) {
    send();
    (void)uart_wait_tx_done(LINE, portMAX_DELAY);
}

bool port_takes_baud(uint32_t baud) {
    return baud == 0 || (baud >= 9600 && baud <= BAUD_MAX);
}

void port_set_baud(uint32_t baud) {
    port_flush();
    (void)uart_set_baudrate(LINE, baud == 0 ? TB_BAUD : baud);
}

uint32_t port_micros(void) {
    return (uint32_t)esp_timer_get_time();
}

void port_align(void) {
}

#ifdef TB_ENERGY
void port_mark(void) {
    (void)gpio_set_level(PIN, 0);
    esp_rom_delay_us(PORT_PULSE_US);
    (void)gpio_set_level(PIN, 1);
}
#endif
