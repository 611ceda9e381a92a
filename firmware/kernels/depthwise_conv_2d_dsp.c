/* Depthwise convolution with any window, with DSP instructions: two taps by four outputs. */
#include "depthwise_conv_2d_dsp.h"
#include "fixed_point.h"

#include <stdbool.h>

#define TOGETHER 4

typedef int16_t __attribute__((may_alias)) half;

/* What the outputs of one channel have in common. */
struct stage {
    struct channel_dsp narrow;
    struct channel wide;
    int32_t min, max;
    int32_t out_offset;
    bool is_wide, exact;
};

/* Two int16 that lie side by side. */
static inline int32_t pair(const half *from) {
    return *(const packed_anywhere *)from;
}

/* Fill the plane with the zero point, where no pixel of the image comes to lie. */
static void clear(const struct depthwise_conv_2d_dsp *op, half *plane) {
    packed *words = (packed *)plane;
    for (packed *end = words + op->plane_h * op->plane_w / 2; words != end;) {
        *words++ = pack(op->in_zero_point, op->in_zero_point);
    }
}

/* Copy every `dilation_w`th column of an image from `first` on to int16, inside a border. */
static void widen(const struct depthwise_conv_2d_dsp *op, const int8_t *in, int32_t first,
                  half *plane) {
    const int32_t apart = op->dilation_w;
    const int32_t border = first < 0 ? (apart - 1 - first) / apart : 0;
    const int32_t left = first + border * apart;
    const int32_t there = left < op->in_w ? (op->in_w - left + apart - 1) / apart : 0;
    const int32_t room = op->plane_w - border;
    const int32_t columns = there < room ? there : room;
    const int32_t below = op->plane_h - op->pad_top;
    const int32_t rows = op->in_h < below ? op->in_h : below;
    const int32_t step = apart * op->in_x_stride;
    half *row = plane + op->pad_top * op->plane_w + border;
    in += left * op->in_x_stride;
    for (int32_t y = 0; y < rows; y++, row += op->plane_w, in += op->in_y_stride) {
        const int8_t *from = in;
        half *to = row;
        int32_t count = columns;
        if (step == 1) {
            for (; count >= 4; count -= 4, from += 4, to += 4) {
                const int32_t bytes = *(const packed_anywhere *)from;
                const int32_t even = even_bytes(bytes);
                const int32_t odd = odd_bytes(bytes);
                ((packed_anywhere *)to)[0] = pack(even, odd);
                ((packed_anywhere *)to)[1] = pack_high(even, odd);
            }
        } else {
            for (; count >= 4; count -= 4, to += 4) {
                const int32_t a = *from, b = from[step];
                from += 2 * step;
                const int32_t c = *from, d = from[step];
                from += 2 * step;
                ((packed_anywhere *)to)[0] = pack(a, b);
                ((packed_anywhere *)to)[1] = pack(c, d);
            }
        }
        for (; count > 0; count--, from += step) {
            *to++ = *from;
        }
    }
}

/* sum[i] = the window that begins `i * step` after `from`, times the weights; `count`, and `step`
 * and `pairs` where they are not 0, are constants after inlining. */
static inline __attribute__((always_inline)) void windows(const struct depthwise_conv_2d_dsp *op,
                                                          const packed *weights, const half *from,
                                                          int32_t count, int32_t step,
                                                          int32_t pairs, int32_t sum[TOGETHER]) {
    const int32_t next = op->dilation_h * op->plane_w;
    const int32_t words = pairs > 0 ? pairs : op->pairs;
    const int32_t apart = step > 0 ? step : op->stride_w;
    int32_t a = 0, b = 0, c = 0, d = 0;
    for (int32_t row = op->kernel_h; row > 0; row--, from += next) {
        const half *value = from;
#pragma GCC unroll 3
        for (int32_t i = 0; i < words; i++, value += 2) {
            const int32_t weight = *weights++;
            a = __smlad(pair(value), weight, a);
            if (count > 1) {
                b = __smlad(pair(value + apart), weight, b);
                c = __smlad(pair(value + 2 * apart), weight, c);
                d = __smlad(pair(value + 3 * apart), weight, d);
            }
        }
    }
    sum[0] = a, sum[1] = b, sum[2] = c, sum[3] = d;
}

static inline int8_t output(const struct stage *stage, int32_t sum) {
    if (stage->is_wide) {
        const struct channel *c = &stage->wide;
        const int32_t all = (int32_t)((uint32_t)sum + (uint32_t)c->bias);
        return (int8_t)clamp(requantise(all, c->multiplier, c->shift) + stage->out_offset,
                             stage->min, stage->max);
    }
    return stage->exact ? output_exact(sum, &stage->narrow, stage->min, stage->max)
                        : output_clamped(sum, &stage->narrow);
}

/* Compute `count` outputs of a row. */
static inline __attribute__((always_inline)) void
convolve(const struct depthwise_conv_2d_dsp *op, const packed *weights, const half *from,
         int32_t count, int32_t step, int32_t pairs, const struct stage *stage, int8_t *out) {
    const int32_t apart = step > 0 ? step : op->stride_w;
    const int32_t out_step = op->phases * op->out_x_stride;
    int32_t sum[TOGETHER];
    int32_t x = 0;
    while (x < count) {
        const int32_t left = count - x;
        if (left == TOGETHER - 1 && x > 0) {
            x--; /* one of them a second time */
        }
        int8_t *to = out + x * out_step;
        if (count - x < TOGETHER) {
            windows(op, weights, from + x * apart, 1, step, 0, sum);
            *to = output(stage, sum[0]);
            x++;
            continue;
        }
        windows(op, weights, from + x * apart, TOGETHER, step, pairs, sum);
        for (int32_t i = 0; i < TOGETHER; i++, to += out_step) {
            *to = output(stage, sum[i]);
        }
        x += TOGETHER;
    }
}

/* Planes of 3x3 with horizontal stride 1 or 2, rounded either way and exactly. */
void convolve_1_apart(const packed *in, const struct plane *plane, int8_t *out, int32_t row_b);
void convolve_2_apart(const packed *in, const struct plane *plane, int8_t *out, int32_t row_b);
void convolve_1_exact(const packed *in, const struct plane *plane, int8_t *out, int32_t row_b);
void convolve_2_exact(const packed *in, const struct plane *plane, int8_t *out, int32_t row_b);

__asm__(CONVOLVE_MACROS "   convolve convolve_1_apart, 1, 0\n"
                        "   convolve convolve_2_apart, 2, 0\n"
                        "   convolve convolve_1_exact, 1, 1\n"
                        "   convolve convolve_2_exact, 2, 1\n" NO_CONVOLVE_MACROS);

/* Compute one channel of 3x3, whose rows of weights are w0 w1 and w2 0. */
static void channel_3x3(const struct depthwise_conv_2d_dsp *op, const packed *weights,
                        const half *plane, const struct stage *stage, int8_t *out) {
    const int32_t row_b = 2 * op->plane_w;
    const int32_t pairs = op->out_w & ~1;
    struct strided_plane p = {
        .plane = {.multiplier = stage->narrow.multiplier,
                  .rounding = stage->narrow.rounding,
                  .right_shift = stage->narrow.right_shift,
                  .bias_x2 = stage->narrow.bias_x2,
                  .rows = op->out_h,
                  .pairs_b = pairs * op->out_x_stride,
                  .odd = op->out_w & 1,
                  .next_row_b = op->stride_h * row_b - 2 * op->stride_w * pairs},
        .step_b = op->out_x_stride,
        .next_out_b = op->out_y_stride - op->out_w * op->out_x_stride,
        .min = op->out_min,
        .max = op->out_max,
    };
    for (int32_t i = 0; i < 3; i++, weights += 2) {
        const int32_t first = __sadd16(weights[0], weights[0]);
        const int32_t last = __sadd16(weights[1], weights[1]);
        p.plane.weights[i][0] = first;
        p.plane.weights[i][1] = (int32_t)((uint32_t)last << 16 | (uint32_t)first >> 16);
    }
    const packed *from = (const packed *)plane;
    if (stage->exact) {
        (op->stride_w == 1 ? convolve_1_exact : convolve_2_exact)(from, &p.plane, out, row_b);
    } else {
        (op->stride_w == 1 ? convolve_1_apart : convolve_2_apart)(from, &p.plane, out, row_b);
    }
}

/* Compute one channel of the outputs that see the columns of the plane. */
static void channel(const struct depthwise_conv_2d_dsp *op, const packed *weights,
                    const half *plane, int32_t count, const struct stage *stage, int8_t *out) {
    if (op->kernel_h == 3 && op->kernel_w == 3 && op->dilation_h == 1 && op->stride_w <= 2 &&
        op->phases == 1 && !stage->is_wide) {
        channel_3x3(op, weights, plane, stage, out);
        return;
    }
    const int32_t row = op->stride_h * op->plane_w;
    for (int32_t y = 0; y < op->out_h; y++, plane += row, out += op->out_y_stride) {
        if (op->stride_w == 1 && op->pairs == 3) {
            convolve(op, weights, plane, count, 1, 3, stage, out);
        } else {
            convolve(op, weights, plane, count, 0, 0, stage, out);
        }
    }
}

void depthwise_conv_2d_dsp(const struct depthwise_conv_2d_dsp *op, const int8_t *in, int8_t *out,
                           void *scratch) {
    const int32_t taps = op->kernel_h * op->pairs;
    packed *weights = scratch;
    half *plane = (half *)(weights + taps);
    struct stage stage = {
        .min = op->out_min,
        .max = op->out_max,
        .out_offset = op->out_offset,
        .is_wide = op->wide != 0,
        .exact = op->exact_negatives || op->out_min > INT8_MIN || op->out_max < INT8_MAX,
    };
    const int8_t *weight = op->weights;
    int32_t c = 0;
    clear(op, plane);
    for (int32_t i = 0; i < op->in_c; i++, in += op->in_channel_stride) {
        for (int32_t phase = 0; phase < op->phases; phase++) {
            if (op->phases > 1) {
                clear(op, plane);
            }
            widen(op, in, phase * op->phase_step - op->pad_left, plane);
            const int32_t count = (op->out_w - phase + op->phases - 1) / op->phases;
            for (int32_t m = 0; m < op->multiplier; m++) {
                const int8_t *from = weight + 2 * taps * m;
                for (int32_t tap = 0; tap < taps; tap++, from += 2) {
                    weights[tap] = pack(from[0], from[1]);
                }
                if (stage.is_wide) {
                    stage.wide = op->wide[c + m];
                } else {
                    stage.narrow = op->channels[c + m];
                }
                channel(op, weights, plane, count, &stage,
                        out + m * op->out_channel_stride + phase * op->out_x_stride);
            }
        }
        c += op->multiplier;
        weight += 2 * taps * op->multiplier;
        out += op->multiplier * op->out_channel_stride;
    }
}
