/* The STM32U575 and its kin, as far as all of ST's chips are alike: see chip.h.
 *
 * Registers are named as in ST's reference manual RM0456, whose sections the comments name; pins
 * and their functions are those of the STM32U575 data sheet, DS13737. Addresses are those of a chip
 * whose TrustZone is off, as it is delivered.
 */
#ifndef TINYBENCH_STM32U5_H
#define TINYBENCH_STM32U5_H

#include "pinned.h"
#include "usart.h"

#if NUMBER < 1 || NUMBER > 3
#error "a usart of the board's declaration is none of 1, 2 and 3"
#endif

/* "Memory map and register boundary addresses"; "AHB2/APB1/APB2 peripheral clock enable register".
 */
#define RCC 0x46020C00u
#define RCC_AHB2ENR1 (RCC + 0x8C)
#define RCC_AHB3ENR (RCC + 0x94)
#define RCC_APB1ENR1 (RCC + 0x9C)
#define RCC_APB2ENR (RCC + 0xA4)
#define GPIOA 0x42020000u
#define GPIO_ENABLE RCC_AHB2ENR1

/* By their number. */
static const Usart usarts[] = {
    [1] = {0x40013800u, 61, RCC_APB2ENR, 1u << 14, 7, CLOCK_HZ},
    [2] = {0x40004400u, 62, RCC_APB1ENR1, 1u << 17, 7, CLOCK_HZ},
    [3] = {0x40004800u, 63, RCC_APB1ENR1, 1u << 18, 7, CLOCK_HZ},
};
#define SERIAL (&usarts[NUMBER])

#endif
