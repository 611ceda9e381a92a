/* The stand-in's chip: its UART is a process's standard input and output, an edge of a pin a line
 * on standard error. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "driver/gpio.h"
#include "driver/uart.h"
#include "esp_rom_sys.h"
#include "esp_timer.h"

void app_main(void);

static int installed;
static int outputs;

int main(void) {
    app_main();
    return 0;
}

int64_t esp_timer_get_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void esp_rom_delay_us(uint32_t us) {
    usleep(us);
}

esp_err_t uart_driver_install(uart_port_t uart_num, int rx_buffer_size, int tx_buffer_size,
                              int queue_size, QueueHandle_t *uart_queue, int intr_alloc_flags) {
    (void)queue_size, (void)uart_queue, (void)intr_alloc_flags;
    /* "rx_buffer_size should be greater than UART_HW_FIFO_LEN", which is 128; tx: 0 or likewise. */
    if (uart_num != UART_NUM_0 || rx_buffer_size <= 128 || tx_buffer_size != 0) {
        return -1;
    }
    installed = 1;
    return ESP_OK;
}

esp_err_t uart_param_config(uart_port_t uart_num, const uart_config_t *uart_config) {
    fprintf(stderr, "uart %d %d\n", (int)uart_num, uart_config->baud_rate);
    return uart_config->data_bits == UART_DATA_8_BITS ? ESP_OK : -1;
}

esp_err_t uart_set_pin(uart_port_t uart_num, int tx, int rx, int rts, int cts) {
    (void)uart_num, (void)tx, (void)rx, (void)rts, (void)cts;
    return ESP_OK;
}

int uart_read_bytes(uart_port_t uart_num, void *buf, uint32_t length, TickType_t ticks_to_wait) {
    (void)uart_num, (void)ticks_to_wait;
    const ssize_t count = installed ? read(STDIN_FILENO, buf, length) : -1;
    if (count <= 0) {
        exit(0);
    }
    return (int)count;
}

int uart_write_bytes(uart_port_t uart_num, const void *src, size_t size) {
    (void)uart_num;
    return installed ? (int)write(STDOUT_FILENO, src, size) : -1;
}

esp_err_t uart_wait_tx_done(uart_port_t uart_num, TickType_t ticks_to_wait) {
    (void)uart_num, (void)ticks_to_wait;
    return ESP_OK;
}

esp_err_t uart_set_baudrate(uart_port_t uart_num, uint32_t baudrate) {
    fprintf(stderr, "uart %d %u\n", (int)uart_num, (unsigned)baudrate);
    return ESP_OK;
}

esp_err_t gpio_reset_pin(gpio_num_t gpio_num) {
    (void)gpio_num;
    outputs = 0;
    return ESP_OK;
}

esp_err_t gpio_set_direction(gpio_num_t gpio_num, gpio_mode_t mode) {
    (void)gpio_num;
    outputs = mode == GPIO_MODE_OUTPUT;
    return ESP_OK;
}

esp_err_t gpio_set_level(gpio_num_t gpio_num, uint32_t level) {
    if (!outputs) {
        return -1;
    }
    fprintf(stderr, "pin %d %s\n", (int)gpio_num, level ? "high" : "low");
    return ESP_OK;
}
