/* The stand-in's board: its UART is a process's standard input and output, an edge of a pin a line
 * on standard error. It interrupts where the thread waits. Its cycles are those of 64 MHz and wrap
 * within a second of its start, and each 67 s; they began a little before its ticks. */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <zephyr/drivers/gpio.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>

#define HZ 64000000u
#define BEFORE_S 67u
#define TICKS_BEHIND 3

const struct device stub_uart = {"uart"};

static uart_irq_callback_user_data_t callback;
static void *callback_data;
static bool enabled;
static bool interrupted;

bool device_is_ready(const struct device *dev) {
    return dev == &stub_uart;
}

static bool waits(int timeout_ms) {
    struct pollfd line = {STDIN_FILENO, POLLIN, 0};
    return poll(&line, 1, timeout_ms) > 0;
}

int uart_config_get(const struct device *dev, struct uart_config *cfg) {
    (void)dev;
    *cfg = (struct uart_config){.baudrate = 1200};
    return 0;
}

int uart_configure(const struct device *dev, const struct uart_config *cfg) {
    fprintf(stderr, "%s %u\n", dev->name, (unsigned)cfg->baudrate);
    return 0;
}

int uart_irq_callback_user_data_set(const struct device *dev, uart_irq_callback_user_data_t cb,
                                    void *user_data) {
    (void)dev;
    callback = cb;
    callback_data = user_data;
    return 0;
}

void uart_irq_rx_enable(const struct device *dev) {
    (void)dev;
    enabled = true;
}

int uart_irq_update(const struct device *dev) {
    (void)dev;
    return interrupted;
}

int uart_irq_rx_ready(const struct device *dev) {
    (void)dev;
    return interrupted && waits(0);
}

int uart_fifo_read(const struct device *dev, uint8_t *rx_data, const int size) {
    (void)dev;
    if (!waits(0)) {
        return 0;
    }
    const ssize_t count = read(STDIN_FILENO, rx_data, (size_t)size);
    if (count <= 0) {
        exit(0);
    }
    return (int)count;
}

void uart_poll_out(const struct device *dev, unsigned char out_char) {
    (void)dev;
    if (write(STDOUT_FILENO, &out_char, 1) != 1) {
        exit(8);
    }
}

void k_sem_give(struct k_sem *sem) {
    sem->count += sem->count < sem->limit;
}

int k_sem_take(struct k_sem *sem, k_timeout_t timeout) {
    (void)timeout;
    while (sem->count == 0) {
        if (waits(1000) && enabled) {
            interrupted = true;
            callback(&stub_uart, callback_data);
            interrupted = false;
        }
    }
    sem->count--;
    return 0;
}

static uint64_t since_start(uint64_t per_s) {
    static struct timespec start;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (start.tv_sec == 0) {
        start = now;
    }
    const int64_t ns = (now.tv_sec - start.tv_sec) * 1000000000LL + now.tv_nsec - start.tv_nsec;
    return (uint64_t)ns / 1000000000u * per_s + (uint64_t)ns % 1000000000u * per_s / 1000000000u;
}

uint32_t k_cycle_get_32(void) {
    return (uint32_t)(since_start(HZ) + (uint64_t)BEFORE_S * HZ);
}

int sys_clock_hw_cycles_per_sec(void) {
    return HZ;
}

int64_t k_uptime_ticks(void) {
    const int64_t ticks = (int64_t)since_start(32768) + (int64_t)BEFORE_S * 32768 - TICKS_BEHIND;
    return ticks;
}

void k_busy_wait(uint32_t usec_to_wait) {
    usleep(usec_to_wait);
}

static void edge(const struct gpio_dt_spec *spec, int value) {
    fprintf(stderr, "pin %u %s\n", (unsigned)spec->pin, value ? "high" : "low");
}

int gpio_pin_configure_dt(const struct gpio_dt_spec *spec, gpio_flags_t extra_flags) {
    edge(spec, extra_flags == GPIO_OUTPUT_ACTIVE);
    return 0;
}

int gpio_pin_set_dt(const struct gpio_dt_spec *spec, int value) {
    edge(spec, value);
    return 0;
}
