/* The chip family that the firmware is built for. Its header, esp32/FAMILY.h, has the addresses and
 * bits that differ among these chips, and the few steps: uart_clock_on, uart_source, uart_update
 * and core_interrupt_enable. All else that a chip has alone is in ports/FAMILY.c.
 */
#ifndef TINYBENCH_CHIP_H
#define TINYBENCH_CHIP_H

#ifndef CHIP_H
#error "no CHIP_H: it names the header of the chip family, and make sets it"
#endif
#include CHIP_H

#endif
