/* What the line is, and its pins, as the board declares: the chip's own USB, or a UART; of the
 * energy build, where the cable is unplugged, another UART or other pins. */
#ifndef TINYBENCH_ESP32_WIRES_H
#define TINYBENCH_ESP32_WIRES_H

#if defined TB_ENERGY && defined ENERGY_UART
#define NUMBER ENERGY_UART
#define TX ENERGY_TX_PIN
#define RX ENERGY_RX_PIN
#define FIRST_BAUD 9600u /* as the interface board of energy mode */
#elif defined USB_SERIAL_JTAG
#define LINE_IS_USB
#define NUMBER 0 /* no UART is used */
#else
#define NUMBER UART
#define TX UART_TX_PIN
#define RX UART_RX_PIN
#define FIRST_BAUD 115200u
#endif
#define XTAL_HZ 40000000u

#endif
