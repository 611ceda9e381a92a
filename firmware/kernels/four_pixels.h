/* What the kernels of four pixels in a word share.
 *
 * A word holds a tap of four pixels, a byte each, 128 more than the value, so that none borrows
 * from the next. Three products with a weight do for the four: of the word, of its upper half, and
 * of its odd bytes. They are summed up modulo 2^32; of sums of 24 bits at most, which the compiler
 * makes sure of, these say all: sum 0 + 2^8 * sum 1 + 2^16 * sum 2 + 2^24 * sum 3, then sum 2 + 2^8
 * * sum 3, and sum 1 + 2^16 * sum 3. What 128 adds to the sums is not in the biases.
 *
 * Before this is included, CHANNELS says how many are computed together, and IN_ASSEMBLY is defined
 * where `four_pixels` is.
 */
#ifndef TINYBENCH_FOUR_PIXELS_H
#define TINYBENCH_FOUR_PIXELS_H

#include "blocked.h"
#include "corners.h"

#define PIXELS 4

/* Windows, and where the channels of the pixels go. */
struct target {
    const uint32_t *window;
    const uint32_t *end;
    const int8_t *weights;
    const struct channel_dsp *channels;
    int8_t *out;
    int32_t to[PIXELS - 1]; /* bytes from the first pixel's outputs to each other's, or 0 */
    int32_t out_c;          /* more than 0 */
    int32_t min, max;
    int32_t folded; /* the output stage is of one product */
};

#ifdef IN_ASSEMBLY
void four_pixels(const struct target *target);
#else
#define ODD_BYTES 0xFF00FF00u

static int8_t stored(const struct target *t, const struct channel_dsp *channel, int32_t sum) {
    return t->folded ? output_folded(sum, channel, t->min, t->max)
                     : output_blocked(sum, channel, t->min, t->max);
}

/* Compute and store the next `count` channels; return where the weights behind theirs are. */
static const int8_t *some_channels(const struct target *t, const int8_t *weight,
                                   const struct channel_dsp *channel, int32_t count, int8_t *out) {
    uint32_t words[CHANNELS] = {0}, upper[CHANNELS] = {0}, odd[CHANNELS] = {0};
    for (const uint32_t *tap = t->window; tap != t->end; tap++) {
        for (int32_t i = 0; i < count; i++, weight++) {
            const uint32_t w = (uint32_t)*weight;
            words[i] += *tap * w;
            upper[i] += (*tap >> 16) * w;
            odd[i] += ((*tap & ODD_BYTES) >> 8) * w;
        }
    }
    for (int32_t i = 0; i < count; i++, channel++, out++) {
        const uint32_t two = words[i] - (upper[i] << 16);
        int32_t sum[PIXELS];
        sum[0] = (int32_t)((two - (odd[i] << 8)) << 8) >> 8;
        sum[1] = (int32_t)(two - (uint32_t)sum[0]) >> 8;
        const int32_t last = (int32_t)(odd[i] - (uint32_t)sum[1]) >> 8; /* 2^8 times as large */
        sum[2] = (int32_t)((upper[i] - (uint32_t)last) << 8) >> 8;
        sum[3] = (int32_t)(upper[i] - (uint32_t)sum[2]) >> 8;
        for (int32_t pixel = PIXELS - 1; pixel > 0; pixel--) {
            out[t->to[pixel - 1]] = stored(t, channel, sum[pixel]);
        }
        *out = stored(t, channel, sum[0]); /* in the place of those missing */
    }
    return weight;
}

static void four_pixels(const struct target *t) {
    const int8_t *weight = t->weights;
    for (int32_t c = 0; c < t->out_c;) {
        const int32_t left = t->out_c - c;
        const int32_t most = left < CHANNELS ? left : CHANNELS;
        const int32_t count = most >= 6 ? 6 : most >= 4 ? 4 : most >= 2 ? 2 : 1;
        weight = some_channels(t, weight, t->channels + c, count, t->out + c);
        c += count;
    }
}
#endif

/* Write `count` taps of four pixels. */
static inline void copy_four(const int8_t *const from[PIXELS], int32_t count, uint32_t *to) {
    const uint8_t *a = (const uint8_t *)from[0], *b = (const uint8_t *)from[1];
    const uint8_t *c = (const uint8_t *)from[2], *d = (const uint8_t *)from[3];
#pragma GCC unroll 4
    for (const uint32_t *end = to + count; to != end; to++) {
        const uint32_t lower = *a++ | (uint32_t)*b++ << 8;
        const uint32_t upper = (uint32_t)*c++ << 16 | (uint32_t)*d++ << 24;
        *to = (lower | upper) ^ 0x80808080u;
    }
}

/* Write `count` taps of one pixel, of which every fourth byte is. */
static uint8_t *put(uint8_t *to, int32_t count, const int8_t *from, int32_t zero_point) {
    for (const uint8_t *end = to + PIXELS * count; to != end; to += PIXELS) {
        *to = (uint8_t)((from != 0 ? *from++ : zero_point) + 128);
    }
    return to;
}

/* Write one pixel's window, which may reach beyond the image. */
static __attribute__((noinline)) void put_window(const struct conv_2d_blocked *op, const int8_t *in,
                                                 struct corner corner, uint8_t *to) {
    const int32_t width = op->kernel_w * op->in_c, in_row = op->in_w * op->in_c;
    const struct inside inside = inside_row(op, corner);
    const int32_t x = corner.x * op->in_c;
    for (int32_t y = corner.y; y < corner.y + op->kernel_h; y++) {
        int32_t outside = width;
        if (y >= 0 && y < op->in_h && inside.first < inside.end) {
            to = put(to, inside.first, 0, op->in_zero_point);
            to = put(to, inside.end - inside.first, in + y * in_row + x + inside.first, 0);
            outside = width - inside.end;
        }
        to = put(to, outside, 0, op->in_zero_point);
    }
}

/* Whether all corners are of windows inside the image. */
static int all_inside(const struct conv_2d_blocked *op, const struct corner corner[PIXELS]) {
    int inside = 1;
    for (int32_t i = 0; i < PIXELS; i++) {
        inside &= corner[i].y >= 0 && corner[i].y + op->kernel_h <= op->in_h;
        inside &= corner[i].x >= 0 && corner[i].x + op->kernel_w <= op->in_w;
    }
    return inside;
}

static void copy_windows(const struct conv_2d_blocked *op, const int8_t *in,
                         const struct corner corner[PIXELS], uint32_t *to) {
    const int32_t in_row = op->in_w * op->in_c;
    if (!all_inside(op, corner)) {
        for (int32_t i = 0; i < PIXELS; i++) {
            put_window(op, in, corner[i], (uint8_t *)to + i);
        }
        return;
    }
    const int8_t *from[PIXELS];
    for (int32_t i = 0; i < PIXELS; i++) {
        from[i] = in + corner[i].y * in_row + corner[i].x * op->in_c;
    }
    for (int32_t row = op->kernel_h; row > 0; row--, to += op->kernel_w * op->in_c) {
        copy_four(from, op->kernel_w * op->in_c, to);
        for (int32_t i = 0; i < PIXELS; i++) {
            from[i] += in_row;
        }
    }
}

static inline void convolve_fours(const struct conv_2d_blocked *op, const int8_t *in, int8_t *out,
                                  void *scratch) {
    uint32_t *window = scratch;
    struct target target = {
        .window = window,
        .end = window + op->taps,
        .weights = op->weights,
        .channels = op->channels,
        .out = out,
        .out_c = op->out_c,
        .min = op->out_min,
        .max = op->out_max,
        .folded = op->folded,
    };
    struct walk next = first_of(op);
    for (int32_t left = op->out_h * op->out_w; left > 0; left -= PIXELS) {
        struct corner corner[PIXELS];
        const int8_t *from[PIXELS];
        for (int32_t i = 0; i < PIXELS; i++) {
            const int there = i < left;
            if (i > 0) {
                target.to[i - 1] = there ? i * op->out_c : 0;
            }
            from[i] = in + (there ? i * op->in_c : 0);
            const struct corner at = next_corner(op, &next);
            corner[i] = there ? at : corner[0];
        }
        if (op->pointwise) {
            copy_four(from, op->in_c, window);
            in += PIXELS * op->in_c;
        } else {
            copy_windows(op, in, corner, window);
        }
        four_pixels(&target);
        target.out += PIXELS * op->out_c;
    }
}

#endif
