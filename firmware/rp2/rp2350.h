/* The RP2350. Ref: RP2350 data sheet, 2.2 Address map, 3.1.11 (SIO, and its RISC-V timer), 7.5
 * (RESETS), 3.2 (IRQs). */
#ifndef TINYBENCH_RP2350_H
#define TINYBENCH_RP2350_H

#define CLOCKS 0x40010000u
#define PSM 0x40018000u
#define PSM_PROC1 (1u << 24)
#define RESETS 0x40020000u
#define RESETS_IO_BANK0 (1u << 6)
#define RESETS_PADS_BANK0 (1u << 9)
#define RESETS_PLL_SYS (1u << 14)
#define RESETS_UART0 (1u << 26)
#define IO_BANK0 0x40028000u
#define PADS_BANK0 0x40038000u
#define XOSC 0x40048000u
#define PLL_SYS 0x40050000u
#define UART0 0x40070000u
#define UART0_INTERRUPT 33
#define TICKS 0x40108000u
#define MTIME_CTRL 0xD00001A4u
#define MTIME 0xD00001B0u
#define MTIMEH 0xD00001B4u
#define SIO_FIFO 0xD0000050u
#define GPIO_OUT_SET 0xD0000018u
#define GPIO_OUT_CLR 0xD0000020u
#define GPIO_OE_SET 0xD0000038u
#define GPIO_OE_CLR 0xD0000040u

#endif
