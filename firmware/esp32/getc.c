/* Receiving from the serial line, whichever it is: from the buffer, or what the line still holds.
 */
#include "cpu.h"
#include "line.h"
#include "port.h"
#include "received.h"

const uint32_t port_receive_b = RECEIVED_B;
const bool port_receives_free =
    false; /* an interrupt for each 64 bytes of a UART, each packet of USB */

int port_getc(void) {
    /* The core stays awake: a byte below the threshold of a UART's interrupt would not wake it. */
    while (!received_any()) {
        interrupts_off();
        line_take();
        interrupts_on();
    }
    return received_get();
}
