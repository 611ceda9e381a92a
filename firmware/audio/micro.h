/* Features of sound for wake words of the microWakeWord kind: 40 values each 160 samples, as int8.
 *
 * Log-mel energies of a window of 480 samples at 16 kHz from 125 to 7500 Hz, less the noise that
 * was there before, and with a gain that follows it.
 * Ref: tensorflow/lite/experimental/microfrontend; esphome, micro_wake_word (int8 of its values).
 */
#ifndef TINYBENCH_MICRO_H
#define TINYBENCH_MICRO_H

#include <stdint.h>

#define MICRO_HOP 160
#define MICRO_WINDOW 480
#define MICRO_BANDS 40

/* A stream of sound: its window, the oldest sample first, and the noise of each band. */
typedef struct {
    int16_t window[MICRO_WINDOW];
    uint32_t noise[MICRO_BANDS];
    uint32_t hops;    /* that the window has, until it is full */
    uint32_t outside; /* values beyond int8 since the start, which are saturated */
} Micro;

/* Start a stream: the window is silent, there is no noise. */
void micro_start(Micro *stream);

/* Take MICRO_HOP samples, and give the features of the window that ends with them; -128 until there
 * is a whole one. */
void micro_next(Micro *stream, const int16_t samples[MICRO_HOP], int8_t features[MICRO_BANDS]);

/* Give the features of a whole stream of `hops` times MICRO_HOP samples, one hop after the other,
 * each as above. Returns how many values were beyond int8. */
uint32_t micro_all(const int16_t *samples, uint32_t hops, int8_t *features);

#endif
