/* The STM32G0B1, G071 and their kin, as far as all of ST's chips are alike: see chip.h.
 *
 * Registers are named as in ST's reference manual RM0444, whose sections the comments name; pins
 * and their functions are those of the STM32G0B1 data sheet, DS13560.
 */
#ifndef TINYBENCH_STM32G0_H
#define TINYBENCH_STM32G0_H

#include "pinned.h"
#include "usart.h"

#if NUMBER < 1 || NUMBER > 2
#error "a usart of the board's declaration is none of 1 and 2"
#endif

/* "Memory map and register boundary addresses"; "I/O port/APB peripheral clock enable register". */
#define RCC 0x40021000u
#define RCC_IOPENR (RCC + 0x34)
#define RCC_APBENR1 (RCC + 0x3C)
#define RCC_APBENR2 (RCC + 0x40)
#define GPIOA 0x50000000u
#define GPIO_ENABLE RCC_IOPENR

/* By their number. */
static const Usart usarts[] = {
    [1] = {0x40013800u, 27, RCC_APBENR2, 1u << 14, 1, CLOCK_HZ},
    [2] = {0x40004400u, 28, RCC_APBENR1, 1u << 17, 1, CLOCK_HZ},
};
#define SERIAL (&usarts[NUMBER])

#endif
