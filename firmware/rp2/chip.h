/* The chip family that the firmware is built for. Its header, rp2/FAMILY.h, defines where RESETS,
 * CLOCKS, XOSC, PLL_SYS, IO_BANK0, PADS_BANK0 and UART0 are, the bits of the last four in RESETS,
 * the places of the SIO's registers of pins, and the interrupt of UART0.
 *
 * All else that a chip has alone is in ports/FAMILY.c. Registers are named as in the data sheets of
 * the RP2040 and the RP2350, in which these peripherals are the same.
 */
#ifndef TINYBENCH_CHIP_H
#define TINYBENCH_CHIP_H

#ifndef CHIP_H
#error "no CHIP_H: it names the header of the chip family, and make sets it"
#endif
#include CHIP_H

#endif
