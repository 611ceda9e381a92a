/* The STM32F746, F767 and their kin, as far as all of ST's chips are alike: see chip.h.
 *
 * Registers are named as in ST's reference manual RM0385, whose sections the comments name; pins
 * and their functions are those of the STM32F746 data sheet, DS10916.
 */
#ifndef TINYBENCH_STM32F7_H
#define TINYBENCH_STM32F7_H

#include "pinned.h"
#include "usart.h"

#if NUMBER != 1 && NUMBER != 2 && NUMBER != 3 && NUMBER != 6
#error "a usart of the board's declaration is none of 1, 2, 3 and 6"
#endif

/* "Memory map"; "RCC AHB1/APB1/APB2 peripheral clock register". */
#define GPIOA 0x40020000u
#define RCC 0x40023800u
#define RCC_AHB1ENR (RCC + 0x30)
#define RCC_APB1ENR (RCC + 0x40)
#define RCC_APB2ENR (RCC + 0x44)
#define GPIO_ENABLE RCC_AHB1ENR

/* "RCC clock configuration register": the most that the buses run at. */
#define PCLK1_HZ (CLOCK_HZ / 4)
#define PCLK2_HZ (CLOCK_HZ / 2)

/* By their number. */
static const Usart usarts[] = {
    [1] = {0x40011000u, 37, RCC_APB2ENR, 1u << 4, 7, PCLK2_HZ},
    [2] = {0x40004400u, 38, RCC_APB1ENR, 1u << 17, 7, PCLK1_HZ},
    [3] = {0x40004800u, 39, RCC_APB1ENR, 1u << 18, 7, PCLK1_HZ},
    [6] = {0x40011400u, 71, RCC_APB2ENR, 1u << 5, 8, PCLK2_HZ},
};
#define SERIAL (&usarts[NUMBER])

#endif
