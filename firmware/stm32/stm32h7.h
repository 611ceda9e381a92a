/* The STM32H7A3 and H7B3, as far as all of ST's chips are alike: see chip.h.
 *
 * Registers are named as in ST's reference manual RM0455, whose sections the comments name; pins
 * and their functions are those of the STM32H7A3 data sheet, DS13195.
 */
#ifndef TINYBENCH_STM32H7_H
#define TINYBENCH_STM32H7_H

#include "pinned.h"
#include "usart.h"

#if NUMBER < 1 || NUMBER > 3
#error "a usart of the board's declaration is none of 1, 2 and 3"
#endif

/* "Memory map and register boundary addresses"; "AHB4/APB1/APB2 clock register". */
#define RCC 0x58024400u
#define RCC_AHB4ENR (RCC + 0xE0)
#define RCC_APB1LENR (RCC + 0xE8)
#define RCC_APB2ENR (RCC + 0xF0)
#define GPIOA 0x58020000u
#define GPIO_ENABLE RCC_AHB4ENR

/* By their number; the buses APB1 and APB2 have half the clock of the core. */
static const Usart usarts[] = {
    [1] = {0x40011000u, 37, RCC_APB2ENR, 1u << 4, 7, CLOCK_HZ / 2},
    [2] = {0x40004400u, 38, RCC_APB1LENR, 1u << 17, 7, CLOCK_HZ / 2},
    [3] = {0x40004800u, 39, RCC_APB1LENR, 1u << 18, 7, CLOCK_HZ / 2},
};
#define SERIAL (&usarts[NUMBER])

#endif
