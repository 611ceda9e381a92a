/* The Fourier transform of a real window: a complex one of half as many points, radix 2, then its
 * even and odd parts put together. */
#include "fft.h"

#include "tables.h"

#define PAIRS (FFT_POINTS / 2)
#define QUARTER (FFT_POINTS / 4)

static Weight sine(uint32_t n) {
    return quarter_sine[n <= QUARTER ? n : 2 * QUARTER - n];
}

static Weight cosine(uint32_t n) {
    return n <= QUARTER ? quarter_sine[QUARTER - n] : -quarter_sine[n - QUARTER];
}

/* (a, b) become (a + b * w, a - b * w). */
static inline void butterfly(Complex *a, Complex *b, Weight re, Weight im) {
    const Complex turned = {times(b->re, re) - times(b->im, im),
                            times(b->re, im) + times(b->im, re)};
    b->re = a->re - turned.re;
    b->im = a->im - turned.im;
    a->re += turned.re;
    a->im += turned.im;
}

/* The first two stages at once: their factors are 1 and -i. */
static void first_stages(Complex pairs[PAIRS]) {
    for (Complex *p = pairs; p < pairs + PAIRS; p += 4) {
        const Complex a = {p[0].re + p[1].re, p[0].im + p[1].im};
        const Complex b = {p[0].re - p[1].re, p[0].im - p[1].im};
        const Complex c = {p[2].re + p[3].re, p[2].im + p[3].im};
        const Complex d = {p[2].im - p[3].im, p[3].re - p[2].re};
        p[0] = (Complex){a.re + c.re, a.im + c.im};
        p[1] = (Complex){b.re + d.re, b.im + d.im};
        p[2] = (Complex){a.re - c.re, a.im - c.im};
        p[3] = (Complex){b.re - d.re, b.im - d.im};
    }
}

/* From the transform of even + i * odd samples to that of all: lines k and PAIRS - k at a time. */
static void split(Complex pairs[PAIRS]) {
    for (uint32_t k = 1; k <= PAIRS / 2; k++) {
        Complex *low = &pairs[k];
        Complex *high = &pairs[PAIRS - k];
        const Complex even = {half(low->re + high->re), half(low->im - high->im)};
        const Complex odd = {half(low->im + high->im), half(high->re - low->re)};
        const Weight re = cosine(k);
        const Weight im = -sine(k);
        const Complex turned = {times(odd.re, re) - times(odd.im, im),
                                times(odd.re, im) + times(odd.im, re)};
        *low = (Complex){even.re + turned.re, even.im + turned.im};
        *high = (Complex){even.re - turned.re, turned.im - even.im};
    }
}

/* The stages of butterflies `reach` and twice as far apart at once, four points at a time: between
 * the two they stay in registers. The factors of the second differ by a quarter of a turn. */
static void two_stages(Complex pairs[PAIRS], uint32_t reach) {
    for (uint32_t j = 0; j < reach; j++) {
        const uint32_t turn = j * (QUARTER / reach);
        const Weight re = cosine(2 * turn);
        const Weight im = -sine(2 * turn);
        const Weight half_re = cosine(turn);
        const Weight half_im = -sine(turn);
        for (Complex *p = pairs + j; p < pairs + PAIRS; p += 4 * reach) {
            Complex a = p[0], b = p[reach], c = p[2 * reach], d = p[3 * reach];
            butterfly(&a, &b, re, im);
            butterfly(&c, &d, re, im);
            butterfly(&a, &c, half_re, half_im);
            butterfly(&b, &d, half_im, -half_re);
            p[0] = a, p[reach] = b, p[2 * reach] = c, p[3 * reach] = d;
        }
    }
}

static void last_stage(Complex pairs[PAIRS]) {
    for (uint32_t j = 0; j < PAIRS / 2; j++) {
        butterfly(&pairs[j], &pairs[j + PAIRS / 2], cosine(2 * j), -sine(2 * j));
    }
}

void fft_run(Complex pairs[PAIRS]) {
    first_stages(pairs);
    two_stages(pairs, 4);
    two_stages(pairs, 16);
    two_stages(pairs, 64);
    last_stage(pairs);
    split(pairs);
}
