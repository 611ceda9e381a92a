/* Features of sound for a wake word: 40 log-mel values each 512 samples, as int8.
 *
 * Ref: mlcommons/tiny, benchmark/training/streaming_wakeword and reference_submissions: window of
 * 1024 samples at 16 kHz, pre-emphasis 1 - 2^-5, periodic Hamming, triangles in mel.
 */
#ifndef TINYBENCH_LOG_MEL_H
#define TINYBENCH_LOG_MEL_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_MEL_HOP 512
#define LOG_MEL_BANDS 40

/* A stream of sound, and how its features become int8. */
typedef struct {
    int16_t halves[2][LOG_MEL_HOP]; /* of the window; the older one is replaced next */
    uint32_t older;
    int16_t before; /* the last sample before the window */
    int64_t steps;  /* int8 steps in a doubling of energy, in units of 2^-20 */
    int64_t first;  /* int8 steps of an energy of 1, likewise */
    int64_t lowest; /* those of the least and the greatest feature */
    int64_t highest;
    bool wraps;       /* whether a value beyond int8 goes around, as in the reference */
    uint32_t outside; /* values beyond int8 since the start */
} LogMel;

/* Start a stream: the window is silent, nothing is counted. `scale` and `zero_point` are those of
 * the model's input; a feature of 0 is -52 dB, one of 1 is +12 dB. */
void log_mel_start(LogMel *stream, float scale, int32_t zero_point, bool wraps);

/* Take LOG_MEL_HOP samples, and give the features of the window that ends with them; truncated
 * toward zero, as in the reference. */
void log_mel_next(LogMel *stream, const int16_t samples[LOG_MEL_HOP],
                  int8_t features[LOG_MEL_BANDS]);

/* Give the features of a whole stream of `hops` times LOG_MEL_HOP samples, one hop after the other,
 * each as above. Returns how many values were beyond int8. */
uint32_t log_mel_all(const int16_t *samples, uint32_t hops, float scale, int32_t zero_point,
                     bool wraps, int8_t *features);

#endif
