/* Port for Zephyr: its serial line is a UART, received by interrupt, its clock the kernel's.
 *
 * Ref: Zephyr's documentation: UART (interrupt-driven API), GPIO, Kernel Timing, Semaphores,
 * Devicetree (chosen nodes, the node zephyr,user).
 */
#include "port.h"

#include <zephyr/device.h>
#include <zephyr/devicetree.h>
#include <zephyr/drivers/gpio.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>

#if DT_HAS_CHOSEN(tinybench_uart)
#define UART DT_CHOSEN(tinybench_uart)
#elif DT_HAS_CHOSEN(zephyr_console)
#define UART DT_CHOSEN(zephyr_console)
#else
#error "no UART: choose one as tinybench,uart in app.overlay"
#endif

#define RECEIVE_B 1024u

const uint32_t port_receive_b = RECEIVE_B;
const bool port_receives_free = false;

static const struct device *const uart = DEVICE_DT_GET(UART);

#ifdef TB_ENERGY
#if !DT_NODE_HAS_PROP(DT_PATH(zephyr_user), timing_gpios)
#error "the energy build needs its timing pin: name it in app.overlay"
#endif
static const struct gpio_dt_spec pin = GPIO_DT_SPEC_GET(DT_PATH(zephyr_user), timing_gpios);
#endif

/* Written by the interrupt, and read by the thread that is the device. */
static uint8_t ring[RECEIVE_B];
static volatile uint32_t written;
static volatile uint32_t taken;
K_SEM_DEFINE(tinybench_received, 0, 1);

static void receive(const struct device *from, void *unused) {
    (void)unused;
    if (uart_irq_update(from) <= 0 || uart_irq_rx_ready(from) <= 0) {
        return;
    }
    uint8_t some[16];
    int count;
    do { /* all that came, or there may be no other interrupt for it */
        count = uart_fifo_read(from, some, (int)sizeof some);
        for (int i = 0; i < count && written - taken < RECEIVE_B; i++) {
            ring[written % RECEIVE_B] = some[i];
            written++;
        }
    } while (count == (int)sizeof some);
    k_sem_give(&tinybench_received);
}

void port_init(void) {
#ifdef TB_ENERGY
    gpio_pin_configure_dt(&pin, GPIO_OUTPUT_ACTIVE);
#endif
#ifdef CONFIG_UART_USE_RUNTIME_CONFIGURE
    /* A line without a rate, such as USB's, refuses, and needs none. */
    struct uart_config line;
    if (uart_config_get(uart, &line) == 0) {
        line.baudrate = TB_BAUD;
        (void)uart_configure(uart, &line);
    }
#endif
    (void)uart_irq_callback_user_data_set(uart, receive, NULL);
    uart_irq_rx_enable(uart);
}

int port_getc(void) {
    while (written == taken) {
        (void)k_sem_take(&tinybench_received, K_FOREVER);
    }
    const uint8_t byte = ring[taken % RECEIVE_B];
    taken++;
    return byte;
}

void port_putc(char c) {
    uart_poll_out(uart, (unsigned char)c);
}

void port_flush(void) {
}

/* A driver says whether it can run at a rate only when it is set. */
bool port_takes_baud(uint32_t baud) {
    (void)baud;
    return false;
}

void port_set_baud(uint32_t baud) {
    (void)baud;
}

/* The kernel's ticks are coarse and never wrap, its cycles fine and wrap within a minute or so:
 * the cycles, with as many wraps as the ticks say. */
uint32_t port_micros(void) {
    const uint64_t hz = (uint64_t)sys_clock_hw_cycles_per_sec();
    const uint64_t ticks = (uint64_t)k_uptime_ticks();
    const uint64_t per_s = CONFIG_SYS_CLOCK_TICKS_PER_SEC;
    const uint64_t coarse = ticks / per_s * hz + ticks % per_s * hz / per_s;
    const int32_t beyond = (int32_t)(k_cycle_get_32() - (uint32_t)coarse);
    const uint64_t cycles = (uint64_t)((int64_t)coarse + beyond);
    return (uint32_t)(cycles / hz * 1000000u + cycles % hz * 1000000u / hz);
}

void port_align(void) {
}

#ifdef TB_ENERGY
void port_mark(void) {
    (void)gpio_pin_set_dt(&pin, 0);
    k_busy_wait(PORT_PULSE_US);
    (void)gpio_pin_set_dt(&pin, 1);
}
#endif
