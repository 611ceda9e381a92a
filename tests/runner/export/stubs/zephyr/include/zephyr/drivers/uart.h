/* A stand-in of Zephyr's UART API, the interrupt-driven one. */
#ifndef STUB_UART_H
#define STUB_UART_H

#include <stdint.h>
#include <zephyr/device.h>

struct uart_config {
    uint32_t baudrate;
    uint8_t parity;
    uint8_t stop_bits;
    uint8_t data_bits;
    uint8_t flow_ctrl;
};

typedef void (*uart_irq_callback_user_data_t)(const struct device *dev, void *user_data);

int uart_config_get(const struct device *dev, struct uart_config *cfg);
int uart_configure(const struct device *dev, const struct uart_config *cfg);
int uart_irq_callback_user_data_set(const struct device *dev, uart_irq_callback_user_data_t cb,
                                    void *user_data);
void uart_irq_rx_enable(const struct device *dev);
int uart_irq_update(const struct device *dev);
int uart_irq_rx_ready(const struct device *dev);
int uart_fifo_read(const struct device *dev, uint8_t *rx_data, const int size);
void uart_poll_out(const struct device *dev, unsigned char out_char);

#endif
