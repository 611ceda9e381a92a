/* The Fourier transform of a real window. */
#ifndef TINYBENCH_FFT_H
#define TINYBENCH_FFT_H

#include "number.h"

#define FFT_POINTS 1024

typedef struct {
    Number re;
    Number im;
} Complex;

/* cos(2 pi n / FFT_POINTS), for n in 0..FFT_POINTS / 2. */
Weight fft_cosine(uint32_t n);

/* Where fft_run wants the pair of samples 2n and 2n + 1, as one complex number. */
uint32_t fft_place(uint32_t n);

/* Transform FFT_POINTS samples in place: pairs[k] becomes line k of the spectrum, for k in
 * 0..FFT_POINTS / 2 - 1; line 0 is left out. In fixed point, samples are below 2^20. */
void fft_run(Complex pairs[FFT_POINTS / 2]);

#endif
