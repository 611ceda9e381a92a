/* The STM32L4R5 and its kin, as far as all of ST's chips are alike: see chip.h.
 *
 * Registers are named as in ST's reference manual RM0432, whose sections the comments name; pins
 * and their functions are those of the STM32L4R5 data sheet, DS12023.
 */
#ifndef TINYBENCH_STM32L4_H
#define TINYBENCH_STM32L4_H

#include "pinned.h"
#include "usart.h"

#if NUMBER > 4
#error "a usart of the board's declaration is none of 0 (LPUART1), 1, 2, 3 and 4"
#endif

/* "Memory map and register boundary addresses"; "AHB2/APB1/APB2 peripheral clock enable register".
 */
#define RCC 0x40021000u
#define RCC_AHB2ENR (RCC + 0x4C)
#define RCC_APB1ENR1 (RCC + 0x58)
#define RCC_APB1ENR2 (RCC + 0x5C)
#define RCC_APB2ENR (RCC + 0x60)
#define GPIOA 0x48000000u
#define GPIO_ENABLE RCC_AHB2ENR

/* By their number; 0 is the LPUART, which takes its BRR in 1/256 and no rate below 29297. */
#define LPUART 0
static const Usart usarts[] = {
    {0x40008000u, 70, RCC_APB1ENR2, 1u << 0, 8, 256ull * CLOCK_HZ},
    {0x40013800u, 37, RCC_APB2ENR, 1u << 14, 7, CLOCK_HZ},
    {0x40004400u, 38, RCC_APB1ENR1, 1u << 17, 7, CLOCK_HZ},
    {0x40004800u, 39, RCC_APB1ENR1, 1u << 18, 7, CLOCK_HZ},
    {0x40004C00u, 52, RCC_APB1ENR1, 1u << 19, 8, CLOCK_HZ},
};
#define SERIAL (&usarts[NUMBER])

/* SAI1, whose block A receives, and the first channel of DMA1 (RM0432, "DMAMUX mapping"; the
 * STM32L4 has other requests, and no board of it declares these pins). */
#define RCC_AHB1ENR (RCC + 0x48)
#define AHB1ENR_DMA1EN (1u << 0)
#define AHB1ENR_DMAMUX1EN (1u << 2)
#define RCC_APB2RSTR (RCC + 0x40)
#define APB2_SAI1 (1u << 21)
#define SAI1 0x40015400u
#define SAI_ALTERNATE 13
#define DMA1 0x40020000u
#define DMAMUX1 0x40020800u
#define DMAMUX_SAI1_A 36u
#define DMA1_CHANNEL_1_INTERRUPT 11

#endif
