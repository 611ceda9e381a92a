/* Nordic's nRF52840. Ref: nRF52840 Product Specification, "Instantiation". */
#ifndef TINYBENCH_NRF52840_H
#define TINYBENCH_NRF52840_H

#define GPIO_P0 0x50000500u
#define UARTE 0x40002000u
#define UARTE_INTERRUPT 2
#define TIMER 0x40008000u
#define CLOCK 0x40000000u

#endif
