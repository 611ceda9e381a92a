/* Which USART is the line, and its pins, as the board declares them: NUMBER, TX_PIN, RX_PIN. The
 * interface board of energy mode may talk to another one, such as that of the Arduino's pins. */
#ifndef TINYBENCH_PINNED_H
#define TINYBENCH_PINNED_H

#if !defined USART || !defined USART_TX_PIN || !defined USART_RX_PIN
#error "the board's declaration lacks usart, usart_tx_pin or usart_rx_pin in [port]"
#endif
#if defined TB_ENERGY && defined ENERGY_USART
#if !defined ENERGY_TX_PIN || !defined ENERGY_RX_PIN
#error "the board's declaration lacks energy_tx_pin or energy_rx_pin in [port]"
#endif
#define NUMBER ENERGY_USART
#define TX_PIN ENERGY_TX_PIN
#define RX_PIN ENERGY_RX_PIN
#else
#define NUMBER USART
#define TX_PIN USART_TX_PIN
#define RX_PIN USART_RX_PIN
#endif

#endif
