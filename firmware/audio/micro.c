/* The window goes through the transform of 1024 points with silence behind it: its even lines are
 * those of the reference's 512 points. From there on all is in whole numbers, as there. */
#include "micro.h"

#include <string.h>

#include "fft.h"
#include "log2.h"
#include "micro_tables.h"

#define HANN_BITS 12
#define WEIGHT_BITS 12
#define NOISE_BITS 10  /* by which the noise of a band is finer than its signal */
#define SHARE_BITS 14  /* of the shares below */
#define EVEN_SHARE 409 /* of the signal in the noise from now on: 0.025, 0.06 in odd bands */
#define ODD_SHARE 983
#define LEAST_SHARE 819 /* of the signal, that stays whatever the noise: 0.05 */
#define GAIN_SHIFT 6    /* signal times gain becomes a ratio to the noise, 12 bits of it fraction */
#define RATIO_BITS 12
#define OUT_BITS 6
#define SIGNAL_BITS 3 /* by which the signal is finer before its logarithm */
#define LINES_LOG2 9  /* of the reference's transform, which divides by its points */

#ifdef FIXED_POINT
#define FINER 4 /* bits that the samples are finer by, of the 20 that the transform takes */
#else
#define FINER 0
#endif

static Complex spectrum[FFT_POINTS / 2];

void micro_start(Micro *stream) {
    memset(stream, 0, sizeof *stream);
}

static int32_t weighed(const Micro *stream, uint32_t n) {
    const uint32_t half = n < MICRO_WINDOW / 2 ? n : MICRO_WINDOW - 1 - n;
    return (stream->window[n] * micro_hann[half]) >> HANN_BITS;
}

/* Put the window where the transform wants it, shifted up as far as int16 goes; by how much. */
static uint32_t fill(const Micro *stream) {
    uint32_t most = 1;
    for (uint32_t n = 0; n < MICRO_WINDOW; n++) {
        const int32_t value = weighed(stream, n);
        const uint32_t size = (uint32_t)(value < 0 ? -value : value);
        most = size > most ? size : most;
    }
    const uint32_t zeros = (uint32_t)__builtin_clz(most);
    const uint32_t shift = zeros > 17 ? zeros - 17 : 0;
    memset(spectrum, 0, sizeof spectrum);
    uint32_t place = 0;
    for (uint32_t n = 0; n < MICRO_WINDOW; n += 2, place = fft_next_place(place)) {
        const int32_t scale = 1 << (shift + FINER);
        spectrum[place].re = (Number)(weighed(stream, n) * scale);
        spectrum[place].im = (Number)(weighed(stream, n + 1) * scale);
    }
    return shift;
}

/* A line's part as the reference has it: divided by its points, in whole numbers. */
static int32_t divided(Number part) {
#ifdef FIXED_POINT
    return (part + (1 << (LINES_LOG2 + FINER - 1))) >> (LINES_LOG2 + FINER);
#else
    const float value = part * (1.0f / (1 << LINES_LOG2));
    return (int32_t)(value + (value < 0 ? -0.5f : 0.5f));
#endif
}

/* The nearest whole number to a square root. */
static uint32_t root(uint64_t square) {
    uint64_t left = square;
    uint64_t found = 0;
    for (uint64_t bit = 1ULL << 62; bit != 0; bit >>= 2) {
        if (left >= found + bit) {
            left -= found + bit;
            found = (found >> 1) + bit;
        } else {
            found >>= 1;
        }
    }
    return (uint32_t)(found + (left > found));
}

/* The amplitudes of all bands: each line lies between two neighbouring peaks, and belongs to the
 * band that falls there by its weight, and to the one that rises by the rest. */
static void bands(uint32_t signals[MICRO_BANDS], uint32_t shift) {
    uint64_t rising = 0;
    for (uint32_t band = 0; band <= MICRO_BANDS; band++) {
        uint64_t falling = 0;
        const uint64_t rose = rising;
        rising = 0;
        for (uint32_t k = micro_first[band]; k < micro_first[band + 1]; k++) {
            const int32_t re = divided(spectrum[2 * k].re);
            const int32_t im = divided(spectrum[2 * k].im);
            const uint64_t line = (uint64_t)((int64_t)re * re + (int64_t)im * im);
            falling += line * micro_weight[k];
            rising += line * ((1u << WEIGHT_BITS) - micro_weight[k]);
        }
        if (band > 0) {
            signals[band - 1] = root(rose + falling) >> shift;
        }
    }
}

/* What is left of a band's signal when its noise, which is known better now, is taken away. */
static uint32_t without_noise(uint32_t signal, uint32_t *noise, uint32_t share) {
    const uint32_t finer = signal << NOISE_BITS;
    const uint64_t mixed =
        (uint64_t)finer * share + (uint64_t)*noise * ((1u << SHARE_BITS) - share);
    *noise = (uint32_t)(mixed >> SHARE_BITS);
    const uint32_t most = *noise > finer ? finer : *noise;
    const uint32_t least = (uint32_t)(((uint64_t)signal * LEAST_SHARE) >> SHARE_BITS);
    const uint32_t left = (finer - most) >> NOISE_BITS;
    return left > least ? left : least;
}

/* The gain at a noise: in each octave a parabola. */
static uint32_t gain(uint32_t noise) {
    if (noise < 2) {
        return (uint32_t)micro_gain[0][0];
    }
    const uint32_t octave = 31 - (uint32_t)__builtin_clz(noise);
    const int16_t *curve = micro_gain[octave];
    const int32_t part = (int32_t)(octave < 10 ? noise << (10 - octave) : noise >> (octave - 10));
    const int32_t along = part & 0x3ff;
    const int32_t slope = ((curve[2] * along) >> 5) + curve[1] * 32;
    return (uint32_t)(((slope * along + (1 << 14)) >> 15) + curve[0]);
}

static uint32_t compressed(uint32_t signal, uint32_t noise) {
    const uint32_t ratio = (uint32_t)(((uint64_t)signal * gain(noise)) >> GAIN_SHIFT);
    if (ratio < 2u << RATIO_BITS) {
        return (ratio * ratio) >> (2 + 2 * RATIO_BITS - OUT_BITS);
    }
    return (ratio >> (RATIO_BITS - OUT_BITS)) - (1u << OUT_BITS);
}

/* 64 times the natural logarithm; 0 of what is none. */
static uint32_t logarithm(uint32_t value) {
    if (value < 2) {
        return 0;
    }
    const uint32_t zeros = (uint32_t)__builtin_clz(value);
    const uint32_t whole = (31 - zeros) << LOG2_BITS;
    const uint64_t log2 = whole + (uint32_t)log2_fraction(value << zeros);
    return (uint32_t)((log2 * 2907270 + (1ULL << 35)) >> 36); /* 64 ln 2, in units of 2^-16 */
}

void micro_next(Micro *stream, const int16_t samples[MICRO_HOP], int8_t features[MICRO_BANDS]) {
    const uint32_t older = MICRO_WINDOW - MICRO_HOP;
    memmove(stream->window, stream->window + MICRO_HOP, older * sizeof stream->window[0]);
    memcpy(stream->window + older, samples, MICRO_HOP * sizeof stream->window[0]);

    if (++stream->hops < MICRO_WINDOW / MICRO_HOP) {
        memset(features, INT8_MIN, MICRO_BANDS);
        return;
    }
    stream->hops = MICRO_WINDOW / MICRO_HOP;
    const uint32_t shift = fill(stream);
    fft_run(spectrum);
    uint32_t signals[MICRO_BANDS];
    bands(signals, shift);
    for (uint32_t band = 0; band < MICRO_BANDS; band++) {
        uint32_t *noise = &stream->noise[band];
        const uint32_t left =
            without_noise(signals[band], noise, band % 2 == 0 ? EVEN_SHARE : ODD_SHARE);
        const uint32_t value = logarithm(compressed(left, *noise) << SIGNAL_BITS);
        const uint32_t step = (value * 256 + 333) / 666; /* 26 of 64ths are 256 steps */
        stream->outside += step > UINT8_MAX;
        features[band] = (int8_t)((int32_t)(step > UINT8_MAX ? UINT8_MAX : step) + INT8_MIN);
    }
}

uint32_t micro_all(const int16_t *samples, uint32_t hops, int8_t *features) {
    static Micro stream;
    micro_start(&stream);
    for (uint32_t hop = 0; hop < hops; hop++) {
        micro_next(&stream, samples + hop * MICRO_HOP, features + hop * MICRO_BANDS);
    }
    return stream.outside;
}
