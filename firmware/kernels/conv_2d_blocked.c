/* Convolution in portable C for cores without DSP instructions: two pixels by three channels. */
#include "corners.h"
#include "two_pixels.h"

/* Write a row of the windows of two pixels. */
INLINED void copy_both(const int8_t *first, const int8_t *second, int32_t count, int32_t *to) {
#pragma GCC unroll 4
    for (const int32_t *end = to + count; to != end; to++) {
        *to = *first++ + *second++ * UPPER;
    }
}

/* What is the same for all windows. */
struct shape {
    int32_t width, in_row; /* bytes of a row of the window, and of the image */
    int32_t rows, columns; /* corners above and left of these are of windows inside the image */
};

/* Write the first pixel's values, or add the second one's. */
INLINED int32_t *put(int32_t *to, const int32_t *end, const int8_t *from, int32_t zero_point,
                     int second) {
    for (; to < end; to++) {
        const int32_t value = from != 0 ? *from++ : zero_point;
        *to = second ? *to + value * UPPER : value;
    }
    return to;
}

/* Write or add a window that reaches beyond the image, where the zero point is. */
INLINED void put_window(const struct conv_2d_blocked *op, const struct shape *shape,
                        const int8_t *in, struct corner corner, int second, int32_t *to) {
    const int32_t width = shape->width;
    const struct inside inside = inside_row(op, corner);
    const int32_t x = corner.x * op->in_c;
    for (int32_t y = corner.y; y < corner.y + op->kernel_h; y++) {
        const int32_t *end = to + width;
        if (y >= 0 && y < op->in_h && inside.first < inside.end) {
            const int32_t *right = to + inside.end;
            to = put(to, to + inside.first, 0, op->in_zero_point, second);
            to = put(to, right, in + y * shape->in_row + x + inside.first, 0, second);
        }
        to = put(to, end, 0, op->in_zero_point, second);
    }
}

/* Copy windows one of which reaches beyond the image. */
static __attribute__((noinline)) void copy_border(const struct conv_2d_blocked *op,
                                                  const struct shape *shape, const int8_t *in,
                                                  const struct corner corner[2], int32_t *to) {
    put_window(op, shape, in, corner[0], 0, to);
    put_window(op, shape, in, corner[1], 1, to);
}

static inline int is_inside(const struct shape *shape, struct corner corner) {
    return (uint32_t)corner.y < (uint32_t)shape->rows &&
           (uint32_t)corner.x < (uint32_t)shape->columns;
}

static void copy_windows(const struct conv_2d_blocked *op, const struct shape *shape,
                         const int8_t *in, const struct corner corner[2], int32_t *to) {
    if (!is_inside(shape, corner[0]) || !is_inside(shape, corner[1])) {
        copy_border(op, shape, in, corner, to);
        return;
    }
    const int8_t *first = in + corner[0].y * shape->in_row + corner[0].x * op->in_c;
    const int8_t *second = in + corner[1].y * shape->in_row + corner[1].x * op->in_c;
    for (int32_t i = op->kernel_h; i > 0; i--, to += shape->width) {
        copy_both(first, second, shape->width, to);
        first += shape->in_row;
        second += shape->in_row;
    }
}

static inline int32_t not_below_0(int32_t x) {
    return x < 0 ? 0 : x;
}

void conv_2d_blocked(const struct conv_2d_blocked *op, const int8_t *in, int8_t *out,
                     void *scratch) {
    int32_t *window = scratch;
    const int32_t pixels = op->out_h * op->out_w;
    const struct shape shape = {op->kernel_w * op->in_c, op->in_w * op->in_c,
                                not_below_0(op->in_h - op->kernel_h + 1),
                                not_below_0(op->in_w - op->kernel_w + 1)};
    struct target target = {
        .window = window,
        .end = window + op->taps,
        .weights = op->weights,
        .channels = op->channels,
        .out = out,
        .second = op->out_c,
        .out_c = op->out_c,
        .min = op->out_min,
        .max = op->out_max,
        .begin = -(op->taps / 2 * (int32_t)OFFSET),
        .folded = op->folded,
    };
    struct walk next = first_of(op);
    for (int32_t left = pixels; left > 0; left -= 2, target.out += 2 * op->out_c) {
        const int32_t count = left < 2 ? 1 : 2;
        if (count < 2) {
            target.second = 0;
        }
        if (op->pointwise) {
            copy_both(in, count < 2 ? in : in + op->in_c, op->in_c, window);
            in += 2 * op->in_c;
        } else {
            struct corner corner[2];
            for (int32_t i = 0; i < 2; i++) {
                const struct corner there = next_corner(op, &next);
                corner[i] = i < count ? there : corner[0];
            }
            copy_windows(op, &shape, in, corner, window);
        }
        two_pixels(&target);
    }
}
