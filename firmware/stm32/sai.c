/* Sound over I2S. Registers are named as in RM0432, whose sections the comments name.
 *
 * The board that plays has the clocks, and no clocks while it does not play: nothing here waits for
 * one. Frames have 32 bits, left before right; the left sample is taken, as in the reference.
 */
#include "sai.h"

#ifdef HAS_SAI
#include "chip.h"
#include "clock.h"
#include "cpu.h"
#include "pins.h"
#include "port.h"
#include "received.h"
#include "systick.h"

#define FRAME 512u /* samples of each of the two channels */

/* "SAI registers", those of block A. */
#define SAI_ACR1 (SAI1 + 0x04)
#define CR1_MODE_SLAVE_RECEIVER 3u
#define CR1_DS_16 (4u << 5)
#define CR1_CKSTR (1u << 9) /* sampled at rising edges of SCK */
#define CR1_SAIEN (1u << 16)
#define CR1_DMAEN (1u << 17)
#define SAI_ACR2 (SAI1 + 0x08)
#define CR2_FFLUSH (1u << 3)
#define SAI_AFRCR (SAI1 + 0x0C)
#define FRCR_FRL_32 31u
#define FRCR_FSALL_16 (15u << 8)
#define FRCR_FSDEF (1u << 16) /* FS tells the channel, too; it is low for the left one */
#define FRCR_FSOFF (1u << 18) /* and changes one bit before the first of a slot */
#define SAI_ASLOTR (SAI1 + 0x10)
#define SLOTR_NBSLOT_2 (1u << 8)
#define SLOTR_SLOTEN_2 (3u << 16)
#define SAI_ASR (SAI1 + 0x18)
#define SAI_ACLRFR (SAI1 + 0x1C)
#define SR_ERRORS (1u << 0 | 1u << 5 | 1u << 6) /* OVRUDR, AFSDET, LFSDET */
#define SAI_ADR (SAI1 + 0x20)

/* "DMA registers", those of channel 1; "DMAMUX request line multiplexer channel 0". */
#define DMA_ISR (DMA1 + 0x00)
#define DMA_IFCR (DMA1 + 0x04)
#define DMA_TCIF1 (1u << 1)
#define DMA_HTIF1 (1u << 2)
#define DMA_TEIF1 (1u << 3)
#define DMA_OF_1 0xFu
#define DMA_CCR1 (DMA1 + 0x08)
#define CCR_EN (1u << 0)
#define CCR_TCIE (1u << 1)
#define CCR_HTIE (1u << 2)
#define CCR_TEIE (1u << 3)
#define CCR_CIRC (1u << 5)
#define CCR_MINC (1u << 7)
#define CCR_PSIZE_16 (1u << 8)
#define CCR_MSIZE_16 (1u << 10)
#define DMA_CNDTR1 (DMA1 + 0x0C)
#define DMA_CPAR1 (DMA1 + 0x10)
#define DMA_CMAR1 (DMA1 + 0x14)

/* The channel goes around two halves. What is in them is the oldest of at most two frames. */
static volatile int16_t halves[2][2 * FRAME];
/* Count on for ever: halves that were filled, by the interrupt; and that were taken, by the core.
 */
static volatile uint32_t filled;
static uint32_t taken;
static volatile uint32_t came_us[2];
static volatile uint32_t disturbed;
static uint32_t missed;

static void filled_one(void) {
    came_us[filled % 2] = systick_micros();
    filled++;
}

void sai_interrupt(void) {
    const uint32_t status = register_read(DMA_ISR) & DMA_OF_1;
    register_write(DMA_IFCR, status);
    if ((status & DMA_HTIF1) != 0) {
        filled_one();
    }
    if ((status & DMA_TCIF1) != 0) {
        filled_one();
    }
    if ((status & DMA_TEIF1) != 0) {
        disturbed++;
    }
    const uint32_t errors = register_read(SAI_ASR) & SR_ERRORS;
    if (errors != 0) {
        register_write(SAI_ACLRFR, errors);
        disturbed++;
    }
}

bool port_sound_start(void) {
    filled = 0;
    taken = 0;
    disturbed = 0;
    missed = 0;
    clock_enable(RCC_AHB1ENR, AHB1ENR_DMA1EN | AHB1ENR_DMAMUX1EN);
    clock_enable(RCC_APB2ENR, APB2_SAI1);
    pin_connect(SAI_FS_PIN, SAI_ALTERNATE);
    pin_connect(SAI_SCK_PIN, SAI_ALTERNATE);
    pin_connect(SAI_SD_PIN, SAI_ALTERNATE);

    /* "DMA channel configuration": the channel is set up while it is off, then its request. */
    register_write(DMA_IFCR, DMA_OF_1);
    register_write(DMA_CPAR1, SAI_ADR);
    register_write(DMA_CMAR1, (uint32_t)(uintptr_t)halves);
    register_write(DMA_CNDTR1, 4 * FRAME);
    register_write(DMAMUX1, DMAMUX_SAI1_A);
    const uint32_t set_up =
        CCR_TCIE | CCR_HTIE | CCR_TEIE | CCR_CIRC | CCR_MINC | CCR_PSIZE_16 | CCR_MSIZE_16;
    register_write(DMA_CCR1, set_up);
    register_write(DMA_CCR1, set_up | CCR_EN);
    interrupt_enable(DMA1_CHANNEL_1_INTERRUPT);

    /* "Slave mode", "Frame synchronization": all is set up before SAIEN. */
    const uint32_t mode = CR1_MODE_SLAVE_RECEIVER | CR1_DS_16 | CR1_CKSTR;
    register_write(SAI_ACR1, mode);
    register_write(SAI_AFRCR, FRCR_FRL_32 | FRCR_FSALL_16 | FRCR_FSDEF | FRCR_FSOFF);
    register_write(SAI_ASLOTR, SLOTR_NBSLOT_2 | SLOTR_SLOTEN_2);
    register_write(SAI_ACR2, CR2_FFLUSH);
    register_write(SAI_ACR1, mode | CR1_DMAEN);
    register_write(SAI_ACR1, mode | CR1_DMAEN | CR1_SAIEN);
    return true;
}

/* Store the left samples of the oldest half; return whether none of it was written meanwhile. */
static bool copied(int16_t samples[FRAME], uint32_t *at_us) {
    *at_us = came_us[taken % 2];
    const volatile int16_t *half = halves[taken % 2];
    for (uint32_t i = 0; i < FRAME; i++) {
        samples[i] = half[2 * i];
    }
    return filled - taken == 1;
}

bool port_sound_next(int16_t samples[512], uint32_t *at_us) {
    for (;;) {
        interrupts_off(); /* so that nothing comes between the look and the sleep */
        while (filled == taken && !received_any()) {
            interrupt_wait();
            interrupts_on();
            interrupts_off();
        }
        interrupts_on();
        if (received_any()) {
            return false;
        }
        if (filled - taken > 1) { /* the channel is writing over the oldest ones */
            missed += filled - taken - 1;
            taken = filled - 1;
        }
        const bool whole = copied(samples, at_us);
        taken++;
        if (whole) {
            return true;
        }
        missed++;
    }
}

uint32_t port_sound_lost(void) {
    return missed + disturbed;
}

void port_sound_stop(void) {
    register_change(DMA_CCR1, CCR_EN, 0);
    /* "SAI disabling" ends with a frame, which without a clock never ends; a reset does not wait.
     */
    register_set(RCC_APB2RSTR, APB2_SAI1);
    register_change(RCC_APB2RSTR, APB2_SAI1, 0);
}
#endif
