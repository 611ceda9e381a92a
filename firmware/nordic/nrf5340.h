/* The application core of Nordic's nRF5340, secure as it is after reset. Ref: nRF5340 Product
 * Specification, "Instantiation". */
#ifndef TINYBENCH_NRF5340_H
#define TINYBENCH_NRF5340_H

#define GPIO_P0 0x50842500u
#define UARTE 0x50008000u
#define UARTE_INTERRUPT 8
#define TIMER 0x5000F000u
#define CLOCK 0x50005000u

#endif
