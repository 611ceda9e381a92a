/* The RP2040. Ref: RP2040 data sheet, 2.2 Address map, 2.3.1.7 (SIO), 2.13.5 (PSM), 2.14.3
 * (RESETS), 2.3.2 (IRQs). */
#ifndef TINYBENCH_RP2040_H
#define TINYBENCH_RP2040_H

#define CLOCKS 0x40008000u
#define PSM 0x40010000u
#define PSM_PROC1 (1u << 16)
#define RESETS 0x4000C000u
#define RESETS_IO_BANK0 (1u << 5)
#define RESETS_PADS_BANK0 (1u << 8)
#define RESETS_PLL_SYS (1u << 12)
#define RESETS_UART0 (1u << 22)
#define IO_BANK0 0x40014000u
#define PADS_BANK0 0x4001C000u
#define XOSC 0x40024000u
#define PLL_SYS 0x40028000u
#define UART0 0x40034000u
#define UART0_INTERRUPT 20
#define SIO_FIFO 0xD0000050u
#define GPIO_OUT_SET 0xD0000014u
#define GPIO_OUT_CLR 0xD0000018u
#define GPIO_OE_SET 0xD0000024u
#define GPIO_OE_CLR 0xD0000028u

#endif
