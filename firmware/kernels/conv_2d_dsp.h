/* The inner loops of convolution with DSP instructions: three pixels by two channels. */
#ifndef TINYBENCH_CONV_2D_DSP_H
#define TINYBENCH_CONV_2D_DSP_H

#include "dsp.h"

/* Pixels whose windows lie side by side in `columns`. A group of four taps takes six words there:
 * taps 0 and 2 of each pixel, then taps 1 and 3 of each pixel, as bytes unpack in pairs. */
#define PIXELS 3
#define GROUP_WORDS (2 * PIXELS)

/* Where three pixels of all channels go, two channels at a time. */
struct target {
    const struct channel_dsp *channels;
    int8_t *out;
    int32_t pixel_stride, channel_stride;
    int32_t pairs; /* of channels, at least 1 */
};

/* acc[channel][pixel] = sum over `groups` (at least 1) of columns times the weights of two
 * channels, which share their words.
 *
 * In assembly, for the loop needs all the registers there are: six sums (r2-r7), three pixels
 * (r8-r10), two words of weights (r11, r12) and where these end (lr). Loads stand together, for
 * each but the first takes a single cycle then. */
void dot_2x3(const packed *columns, const int8_t *weights, int32_t groups, int32_t acc[2][PIXELS]);

/* The same for all pairs of channels, with the output stage of `output_clamped`, or of
 * `output_exact` without other limits than those of int8. */
typedef void channels_of(const packed *columns, const int8_t *weights, int32_t groups,
                         const struct target *target);
channels_of channels_2x3, channels_2x3_exact;

/* Unpack `count` int8 at any address, a multiple of four, into one pixel's place in the columns. */
static __attribute__((noinline)) void unpack(const int8_t *values, int32_t count, packed *column) {
    const packed_anywhere *word = (const packed_anywhere *)values;
    const packed_anywhere *const end = (const packed_anywhere *)(values + count);
    if (count & 4) {
        const int32_t bytes = *word++;
        column[0] = even_bytes(bytes);
        column[PIXELS] = odd_bytes(bytes);
        column += GROUP_WORDS;
    }
#pragma GCC unroll 1
    for (; word != end; word += 2, column += 2 * GROUP_WORDS) {
        const int32_t bytes = word[0], more = word[1];
        column[0] = even_bytes(bytes);
        column[PIXELS] = odd_bytes(bytes);
        column[GROUP_WORDS] = even_bytes(more);
        column[GROUP_WORDS + PIXELS] = odd_bytes(more);
    }
}

#endif
