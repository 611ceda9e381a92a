/* The chip family that the firmware is built for. Its header, nordic/FAMILY.h, defines
 *
 *   GPIO_P0              OUT of the first GPIO port, less 4; the next port is 0x300 behind it
 *   UARTE, UARTE_INTERRUPT   the serial line
 *   TIMER                the time base
 *   CLOCK                clock control
 *
 * All else that a chip has alone is in ports/FAMILY.c. Registers are named as in Nordic's product
 * specifications, in which a peripheral has them at the same places in all of these chips.
 */
#ifndef TINYBENCH_CHIP_H
#define TINYBENCH_CHIP_H

#ifndef CHIP_H
#error "no CHIP_H: it names the header of the chip family, and make sets it"
#endif
#include CHIP_H

#endif
