/* The chip family that the firmware is built for. Its header, stm32/FAMILY.h, defines
 *
 *   GPIOA, GPIO_ENABLE   the first GPIO port, and the register whose bit 0 switches on its clock
 *   USART_HAS_SR         if its USARTs are of the older kind: see usart.h
 *   usarts, SERIAL       its USARTs, as far as the port knows them, and the one that is the line
 *   TX_PIN, RX_PIN       the pins of the line, as the board declares them
 *
 * and the registers that switch on the clocks of the USARTs. How its clocks come up, and all that
 * no other family has, is in ports/FAMILY.c.
 */
#ifndef TINYBENCH_CHIP_H
#define TINYBENCH_CHIP_H

#ifndef CHIP_H
#error "no CHIP_H: it names the header of the chip family, and make sets it"
#endif
#include CHIP_H

#endif
