/* The Fourier transform of a real window. */
#ifndef TINYBENCH_FFT_H
#define TINYBENCH_FFT_H

#include "number.h"

#define FFT_POINTS 1024

typedef struct {
    Number re;
    Number im;
} Complex;

/* Where fft_run wants the next pair of samples, as one complex number, behind the one at `place`;
 * the first is at 0. Places count with their highest bit first. */
static inline uint32_t fft_next_place(uint32_t place) {
    uint32_t bit = FFT_POINTS / 4;
    for (; (place & bit) != 0; bit >>= 1) {
        place ^= bit;
    }
    return place | bit;
}

/* Transform FFT_POINTS samples in place: pairs[k] becomes line k of the spectrum, for k in
 * 0..FFT_POINTS / 2 - 1; line 0 is left out. In fixed point, samples are below 2^20. */
void fft_run(Complex pairs[FFT_POINTS / 2]);

#endif
