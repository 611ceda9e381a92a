/* The serial line: USB-serial-JTAG, the chip's own USB, in packets of up to 64 bytes each way.
 *
 * Ref: "USB Serial/JTAG Controller" of the Technical Reference Manual of each chip. Its PHY, clock
 * and descriptors are as the boot ROM has them, whose log goes the same way.
 */
#include "line.h"

#include "chip.h"
#include "cpu.h"
#include "interrupt.h"
#include "port.h"
#include "received.h"

#ifdef LINE_IS_USB

#define USB_EP1 (USB_ORIGIN + 0x00)
#define USB_EP1_CONF (USB_ORIGIN + 0x04)
#define WR_DONE (1u << 0)
#define SERIAL_IN_EP_DATA_FREE (1u << 1)
#define SERIAL_OUT_EP_DATA_AVAIL (1u << 2)
#define USB_INT_ENA (USB_ORIGIN + 0x10)
#define USB_INT_CLR (USB_ORIGIN + 0x14)
#define INT_SERIAL_OUT_RECV_PKT (1u << 2)
#define HOST_US 200000u

static bool held_back; /* bytes are in a packet that was not sent off */
static bool unheard;   /* the host has taken nothing for HOST_US: its port is closed */

/* To the buffer, what the host sent. */
void line_take(void) {
    while ((register_read(USB_EP1_CONF) & SERIAL_OUT_EP_DATA_AVAIL) != 0) {
        received_put((uint8_t)register_read(USB_EP1));
    }
}

/* The next packet asks again, so what asked is cleared before it is taken. */
void line_interrupt(void) {
    register_write(USB_INT_CLR, INT_SERIAL_OUT_RECV_PKT);
    line_take();
}

static bool is_free(void) {
    return (register_read(USB_EP1_CONF) & SERIAL_IN_EP_DATA_FREE) != 0;
}

/* Whether a byte can be written. Nobody takes what is sent while the host's port is closed: that is
 * waited for once, until the host takes something again. */
static bool room(void) {
    bool found = is_free();
    if (!found && !unheard) {
        const uint32_t began = port_micros();
        while (!found && port_micros() - began < HOST_US) {
            found = is_free();
        }
    }
    unheard = !found;
    return found;
}

void line_start(void) {
    usb_clock_on();
    register_write(USB_INT_CLR, INT_SERIAL_OUT_RECV_PKT);
    register_write(USB_INT_ENA, INT_SERIAL_OUT_RECV_PKT);
    line_interrupt_on(INTERRUPT_USB_MAP);
}

void port_putc(char c) {
    if (room()) {
        register_write(USB_EP1, (uint8_t)c);
        held_back = true;
    }
}

void port_flush(void) {
    if (held_back) {
        register_write(USB_EP1_CONF, WR_DONE);
        held_back = false;
    }
    (void)room(); /* once the host has it */
}

/* USB has a rate of its own, whatever the host is told. */
bool port_takes_baud(uint32_t baud) {
    (void)baud;
    return true;
}

void port_set_baud(uint32_t baud) {
    (void)baud;
    port_flush();
}

#endif
