/* Depthwise convolution with any window in portable C: four outputs at a time. */
#include "blocked.h"
#include "fixed_point.h"

#include <stdbool.h>
#include <string.h>

#define TOGETHER 4

/* What the outputs of one channel have in common. */
struct stage {
    struct channel_dsp narrow;
    struct channel wide;
    int32_t min, max;
    int32_t out_offset;
    bool is_wide;
};

/* Copy every `dilation_w`th column of an image from `first` on, inside a border. */
static void copy_plane(const struct depthwise_conv_2d_blocked *op, const int8_t *in, int32_t first,
                       int8_t *plane) {
    const int32_t apart = op->dilation_w;
    const int32_t border = first < 0 ? (apart - 1 - first) / apart : 0;
    const int32_t left = first + border * apart;
    const int32_t there = left < op->in_w ? (op->in_w - left + apart - 1) / apart : 0;
    const int32_t room = op->plane_w - border;
    const int32_t columns = there < room ? there : room;
    const int32_t below = op->plane_h - op->pad_top;
    const int32_t rows = op->in_h < below ? op->in_h : below;
    const int32_t step = apart * op->in_x_stride;
    for (int32_t y = 0; y < rows; y++) {
        int8_t *to = plane + (op->pad_top + y) * op->plane_w + border;
        for (int32_t x = 0; x < columns; x++) {
            to[x] = in[y * op->in_y_stride + left * op->in_x_stride + x * step];
        }
    }
}

/* sum[i] = the window that begins `i * step` after `from`, times the weights; `count`, and `step`
 * and `width` where they are not 0, are constants after inlining. */
static inline __attribute__((always_inline)) void
windows(const struct depthwise_conv_2d_blocked *op, const int8_t *weights, const int8_t *from,
        int32_t count, int32_t step, int32_t width, int32_t sum[TOGETHER]) {
    const int32_t next = op->dilation_h * op->plane_w;
    const int32_t taps = width > 0 ? width : op->kernel_w;
    const int32_t apart = step > 0 ? step : op->stride_w;
    int32_t a = 0, b = 0, c = 0, d = 0;
    for (int32_t row = op->kernel_h; row > 0; row--, from += next) {
        const int8_t *value = from;
#pragma GCC unroll 8
        for (int32_t i = 0; i < taps; i++, value++) {
            const int32_t weight = *weights++;
            a += value[0] * weight;
            if (count > 1) {
                b += value[apart] * weight;
                c += value[2 * apart] * weight;
                d += value[3 * apart] * weight;
            }
        }
    }
    sum[0] = a, sum[1] = b, sum[2] = c, sum[3] = d;
}

static inline int8_t output(const struct stage *stage, int32_t sum) {
    if (!stage->is_wide) {
        return output_blocked(sum, &stage->narrow, stage->min, stage->max);
    }
    const struct channel *c = &stage->wide;
    const int32_t all = (int32_t)((uint32_t)sum + (uint32_t)c->bias);
    return (int8_t)clamp(requantise(all, c->multiplier, c->shift) + stage->out_offset, stage->min,
                         stage->max);
}

/* Compute `count` outputs of a row. */
static inline __attribute__((always_inline)) void
convolve(const struct depthwise_conv_2d_blocked *op, const int8_t *weights, const int8_t *from,
         int32_t count, int32_t step, int32_t width, const struct stage *stage, int8_t *out) {
    const int32_t apart = step > 0 ? step : op->stride_w;
    const int32_t out_step = op->phases * op->out_x_stride;
    int32_t sum[TOGETHER];
    int32_t x = 0;
    while (x < count) {
        if (count - x == TOGETHER - 1 && x > 0) {
            x--; /* one of them a second time */
        }
        int8_t *to = out + x * out_step;
        if (count - x < TOGETHER) {
            windows(op, weights, from + x * apart, 1, step, 0, sum);
            *to = output(stage, sum[0]);
            x++;
            continue;
        }
        windows(op, weights, from + x * apart, TOGETHER, step, width, sum);
        for (int32_t i = 0; i < TOGETHER; i++, to += out_step) {
            *to = output(stage, sum[i]);
        }
        x += TOGETHER;
    }
}

/* Compute one channel of the outputs that see the columns of the plane. */
static void channel(const struct depthwise_conv_2d_blocked *op, const int8_t *weights,
                    const int8_t *plane, int32_t count, const struct stage *stage, int8_t *out) {
    const int32_t row = op->stride_h * op->plane_w;
    for (int32_t y = 0; y < op->out_h; y++, plane += row, out += op->out_y_stride) {
        if (op->stride_w == 1 && op->kernel_w == 3) {
            convolve(op, weights, plane, count, 1, 3, stage, out);
        } else {
            convolve(op, weights, plane, count, 0, 0, stage, out);
        }
    }
}

void depthwise_conv_2d_blocked(const struct depthwise_conv_2d_blocked *op, const int8_t *in,
                               int8_t *out, void *scratch) {
    int8_t *plane = scratch;
    const int32_t taps = op->kernel_h * op->kernel_w;
    struct stage stage = {
        .min = op->out_min,
        .max = op->out_max,
        .out_offset = op->out_offset,
        .is_wide = op->wide != 0,
    };
    const int8_t *weights = op->weights;
    int32_t c = 0;
    for (int32_t i = 0; i < op->in_c; i++, in += op->in_channel_stride) {
        for (int32_t phase = 0; phase < op->phases; phase++) {
            if (i == 0 || op->phases > 1) {
                memset(plane, op->in_zero_point, (size_t)(op->plane_h * op->plane_w));
            }
            copy_plane(op, in, phase * op->phase_step - op->pad_left, plane);
            const int32_t count = (op->out_w - phase + op->phases - 1) / op->phases;
            for (int32_t m = 0; m < op->multiplier; m++) {
                if (stage.is_wide) {
                    stage.wide = op->wide[c + m];
                } else {
                    stage.narrow = op->channels[c + m];
                }
                channel(op, weights + taps * m, plane, count, &stage,
                        out + m * op->out_channel_stride + phase * op->out_x_stride);
            }
        }
        c += op->multiplier;
        weights += taps * op->multiplier;
        out += op->multiplier * op->out_channel_stride;
    }
}
