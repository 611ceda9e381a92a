/* What the kernels of depthwise convolution share that take images as they lie: where the taps of
 * each output begin that are inside the image. */
#ifndef TINYBENCH_DIRECT_H
#define TINYBENCH_DIRECT_H

#include "kernels.h"

#define TOGETHER 4 /* channels */

/* The taps of one output that lie inside the image. */
struct window {
    int32_t value, weights;             /* where the first of them is, and its weights */
    int32_t rows, columns;              /* at least one of each */
    int32_t next_row_b, next_weights_b; /* from behind a row of taps to the next, in both */
};
_Static_assert(sizeof(struct window) == DEPTHWISE_DIRECT_WINDOW_B, "as in kernels.h");

/* Some outputs of four channels, and what they have in common. */
struct outputs {
    const int8_t *in, *weights; /* of the first of the channels */
    const struct channel_dsp *channels;
    int8_t *out;
    const struct window *window, *end;
    int32_t next_out_b; /* from behind four channels of an output to those of the next */
    int32_t column_b;   /* from a tap to that beside it */
    int32_t offset;     /* what is added to an input, as the kernel wants it */
    int32_t min, max;
};

/* Compute them. */
typedef void outputs_of(const struct outputs *outputs);

/* The taps of a window that are inside the image along one side. */
struct span {
    int32_t first, count;
    int32_t at; /* where the first of them lies in the image */
};

/* Of `taps` taps from `start` on, so far `apart`, those from 0 to `size`. */
static __attribute__((noinline)) struct span inside(int32_t start, int32_t taps, int32_t apart,
                                                    int32_t size) {
    struct span found = {0, 0, start};
    for (; found.at < 0; found.at += apart) {
        found.first++;
    }
    for (int32_t at = found.at; found.first + found.count < taps && at < size; at += apart) {
        found.count++;
    }
    return found;
}

static struct window window_of(const struct depthwise_direct *op, int32_t y, int32_t x) {
    const struct span rows =
        inside(y * op->stride_h - op->pad_top, op->kernel_h, op->dilation_h, op->in_h);
    const struct span columns =
        inside(x * op->stride_w - op->pad_left, op->kernel_w, op->dilation_w, op->in_w);
    struct window found = {
        .value = (rows.at * op->in_w + columns.at) * op->channel_count,
        .weights = TOGETHER * (rows.first * op->kernel_w + columns.first),
        .rows = rows.count,
        .columns = columns.count,
        .next_row_b = op->next_row - columns.count * op->next_column,
        .next_weights_b = TOGETHER * (op->kernel_w - columns.count),
    };
    if (op->kernel_w == 1) { /* the rows are one of columns */
        found.rows = 1;
        found.columns = rows.count;
    }
    return found;
}

/* Write the windows of the next outputs, of which (*y, *x) is the first; return where they end. */
static struct window *next_windows(const struct depthwise_direct *op, struct window *window,
                                   int32_t *y, int32_t *x) {
    const struct window *const end = window + DEPTHWISE_DIRECT_OUTPUTS;
    for (; window != end && *y < op->out_h; window++) {
        *window = window_of(op, *y, *x);
        if (++*x == op->out_w) {
            *x = 0;
            ++*y;
        }
    }
    return window;
}

static inline void by_fours(const struct depthwise_direct *op, const int8_t *in, int8_t *out,
                            void *scratch, int32_t offset, outputs_of *compute) {
    const int32_t last = op->channel_count - TOGETHER; /* where the last four channels begin */
    struct window *const windows = scratch;
    struct outputs outputs = {
        .window = windows,
        .next_out_b = last,
        .column_b = op->kernel_w == 1 ? op->next_row : op->next_column,
        .offset = offset,
        .min = op->out_min,
        .max = op->out_max,
    };
    int32_t y = 0, x = 0;
    while (y < op->out_h) {
        struct window *const end = next_windows(op, windows, &y, &x);
        outputs.end = end;
        outputs.weights = op->weights;
        for (int32_t c = 0; c < op->channel_count; c += TOGETHER) {
            const int32_t first = c < last ? c : last; /* the last four may overlap */
            outputs.in = in + first;
            outputs.channels = op->channels + first;
            outputs.out = out + first;
            compute(&outputs);
            outputs.weights += TOGETHER * op->kernel_h * op->kernel_w;
        }
        out += (end - windows) * op->channel_count;
    }
}

#endif
