/* The USARTs of ST's chips, of which there are two kinds: with one status register (SR) and one for
 * data (DR), in F2, F4 and L1; and with ISR, ICR, RDR and TDR, in all families since. Where flags
 * and bits have two names, the places are the same.
 *
 * Ref: RM0090 and RM0432, "USART registers"; those of the LPUART have the same places.
 */
#ifndef TINYBENCH_USART_H
#define TINYBENCH_USART_H

#include <stdint.h>

#ifdef USART_HAS_SR
#define USART_STATUS 0x00u  /* SR */
#define USART_RECEIVE 0x04u /* DR */
#define USART_SEND 0x04u
#define USART_BRR 0x08u
#define USART_CR1 0x0Cu
#define CR1_UE (1u << 13)
#else
#define USART_CR1 0x00u
#define CR1_UE (1u << 0)
#define USART_BRR 0x0Cu
#define USART_STATUS 0x1Cu  /* ISR */
#define USART_CLEAR 0x20u   /* ICR */
#define USART_RECEIVE 0x24u /* RDR */
#define USART_SEND 0x28u    /* TDR */
#endif

#define CR1_RE (1u << 2)
#define CR1_TE (1u << 3)
#define CR1_RXNEIE (1u << 5)

/* PE, FE, NE, ORE. Without ICR they are cleared when SR and then DR have been read; ICR clears them
 * at the same places. */
#define STATUS_ERRORS 0xFu
#define STATUS_RXNE (1u << 5)
#define STATUS_TC (1u << 6)
#define STATUS_TXE (1u << 7)

typedef struct {
    uint32_t origin;
    uint32_t interrupt; /* "Vector table" */
    uint32_t enable;    /* the clock's register, and its bit there */
    uint32_t enable_bit;
    uint32_t alternate; /* the data sheet's table of alternate functions */
    uint64_t brr_hz;    /* what BRR divides: its clock, of an LPUART 256 times that */
} Usart;

#endif
