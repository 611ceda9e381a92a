/* Features of sound for a wake word: 40 log-mel values each 512 samples, as int8. */
#include "log_mel.h"

#include <string.h>

#include "fft.h"
#include "log2.h"
#include "tables.h"

#define WINDOW (2 * LOG_MEL_HOP)

#define DB_OF_2 3.01029995663981195f
#define FLOOR_DB (-52.0f)
#define RANGE_DB 64.0f

/* Sound is (32 x[n] - 31 x[n-1]) in steps of int16, 2^20 times that of the definition; energy is
 * divided by the window's samples. */
#define ENERGY_LOG2 (2 * 20 + 10)

_Static_assert(WINDOW == FFT_POINTS, "the transform is that of a window");

static Complex spectrum[FFT_POINTS / 2];

void log_mel_start(LogMel *stream, float scale, int32_t zero_point, bool wraps) {
    memset(stream, 0, sizeof *stream);
    const float step_db = RANGE_DB * scale;
    const float one = (float)(1 << LOG2_BITS);
    stream->steps = (int64_t)(DB_OF_2 / step_db * one);
    stream->lowest = (int64_t)zero_point * (1 << LOG2_BITS);
    stream->first = stream->lowest + (int64_t)(-FLOOR_DB / step_db * one);
    stream->highest = stream->lowest + (int64_t)(one / scale);
    stream->wraps = wraps;
}

/* The halves of the window in their order. */
static const int16_t *half_of(const LogMel *stream, uint32_t half) {
    return stream->halves[half == 0 ? stream->older : 1 - stream->older];
}

static inline int32_t emphasised(int32_t sample, int32_t last) {
    return 32 * sample - 31 * last;
}

#ifdef FIXED_POINT
/* How far the window can be shifted up, at least -1, and stay below 2^20. */
static int32_t headroom(const LogMel *stream) {
    uint32_t bits = 1;
    int32_t last = stream->before;
    for (uint32_t half = 0; half < 2; half++) {
        const int16_t *samples = half_of(stream, half);
        for (uint32_t n = 0; n < LOG_MEL_HOP; n++) {
            const int32_t value = emphasised(samples[n], last);
            bits |= (uint32_t)(value < 0 ? -value : value);
            last = samples[n];
        }
    }
    return __builtin_clz(bits) - 12;
}

static inline Number windowed(int32_t sample, Weight weight, int32_t shift) {
    const int32_t down = 30 - shift;
    return (Number)(((int64_t)sample * weight + (1LL << (down - 1))) >> down);
}
#else
static int32_t headroom(const LogMel *stream) {
    (void)stream;
    return 0;
}

static inline Number windowed(int32_t sample, Weight weight, int32_t shift) {
    (void)shift;
    return (Number)sample * weight;
}
#endif

/* Put the window, shifted up by `shift`, where the transform wants it. Hamming's window is a
 * cosine: in each quarter the table of a quarter of a sine, there or back, from 0.54 down or up. */
static void fill(const LogMel *stream, int32_t shift) {
    uint32_t place = 0;
    int32_t last = stream->before;
    for (uint32_t quarter = 0; quarter < 4; quarter++) {
        const int16_t *samples = half_of(stream, quarter / 2) + quarter % 2 * (LOG_MEL_HOP / 2);
        const int32_t step = quarter % 2 == 0 ? -1 : 1;
        const Weight *sine = quarter_sine + (quarter % 2 == 0 ? FFT_POINTS / 4 : 0);
        const Weight part = quarter % 3 == 0 ? -WEIGHT(0.46) : WEIGHT(0.46);
        for (uint32_t n = 0; n < LOG_MEL_HOP / 4; n++, samples += 2, sine += 2 * step) {
            const Weight first = WEIGHT(0.54) + times(sine[0], part);
            const Weight second = WEIGHT(0.54) + times(sine[step], part);
            Complex *pair = &spectrum[place];
            pair->re = windowed(emphasised(samples[0], last), first, shift);
            pair->im = windowed(emphasised(samples[1], samples[0]), second, shift);
            last = samples[1];
            place = fft_next_place(place);
        }
    }
}

/* The energies of all triangles. Each line lies between two neighbouring peaks, and belongs to the
 * triangle that rises there by its part, and to the one that falls by the rest. */
static void bands(Power energies[LOG_MEL_BANDS]) {
    Power rising = 0;
    for (uint32_t band = 0; band <= LOG_MEL_BANDS; band++) {
        Power falling = 0;
        const Power rose = rising;
        rising = 0;
        for (uint32_t k = mel_first[band]; k < mel_first[band + 1]; k++) {
            const Power line = power(spectrum[k].re, spectrum[k].im);
            rising += part_of(line, mel_part[k]);
            falling += rest_of(line, mel_part[k]);
        }
        if (band > 0) {
            energies[band - 1] = rose + falling;
        }
    }
}

/* log2 of an energy above 0, in units of 2^-LOG2_BITS. */
static int32_t log2_of(Power energy) {
#ifdef FIXED_POINT
    const int32_t zeros = __builtin_clzll(energy);
    const int32_t exponent = 63 - zeros;
    const uint32_t mantissa = (uint32_t)(energy << zeros >> 32);
#else
    uint32_t bits;
    memcpy(&bits, &energy, sizeof bits);
    const int32_t exponent = (int32_t)(bits >> 23) - 127;
    const uint32_t mantissa = (bits & 0x7fffffu) << 8 | 1u << 31;
#endif
    return exponent * (1 << LOG2_BITS) + log2_fraction(mantissa);
}

static int8_t quantised(LogMel *stream, Power energy, int32_t scale_log2) {
    int64_t value = stream->lowest;
    if (energy > 0) {
        const int64_t log2 = log2_of(energy) - scale_log2 * (1 << LOG2_BITS);
        value = stream->first + ((log2 * stream->steps) >> LOG2_BITS);
        value = value < stream->lowest    ? stream->lowest
                : value > stream->highest ? stream->highest
                                          : value;
    }
    const int32_t step = (int32_t)(value / (1 << LOG2_BITS));
    if (step >= INT8_MIN && step <= INT8_MAX) {
        return (int8_t)step;
    }
    stream->outside++;
    if (stream->wraps) {
        return (int8_t)(uint8_t)step;
    }
    return step < 0 ? INT8_MIN : INT8_MAX;
}

void log_mel_next(LogMel *stream, const int16_t samples[LOG_MEL_HOP],
                  int8_t features[LOG_MEL_BANDS]) {
    int16_t *half = stream->halves[stream->older];
    stream->before = half[LOG_MEL_HOP - 1];
    memcpy(half, samples, sizeof stream->halves[0]);
    stream->older = 1 - stream->older;

    const int32_t shift = headroom(stream);
    fill(stream, shift);
    fft_run(spectrum);
    Power energies[LOG_MEL_BANDS];
    bands(energies);
    for (uint32_t band = 0; band < LOG_MEL_BANDS; band++) {
        features[band] = quantised(stream, energies[band], ENERGY_LOG2 + POWER_LOG2 + 2 * shift);
    }
}

uint32_t log_mel_all(const int16_t *samples, uint32_t hops, float scale, int32_t zero_point,
                     bool wraps, int8_t *features) {
    static LogMel stream;
    log_mel_start(&stream, scale, zero_point, wraps);
    for (uint32_t hop = 0; hop < hops; hop++) {
        log_mel_next(&stream, samples + hop * LOG_MEL_HOP, features + hop * LOG_MEL_BANDS);
    }
    return stream.outside;
}
