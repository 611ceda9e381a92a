/* Sound over I2S: block A of SAI1 as a slave receiver, which a channel of DMA1 empties. Implements
 * port_sound_start, port_sound_next, port_sound_lost and port_sound_stop for firmware that hears,
 * where the board declares its pins. */
#ifndef TINYBENCH_SAI_H
#define TINYBENCH_SAI_H

#if defined TB_STREAM && defined SAI_FS_PIN && defined SAI_SCK_PIN && defined SAI_SD_PIN
#define HAS_SAI

/* Its place is in the port's table of interrupts. */
void sai_interrupt(void);
#endif

#endif
