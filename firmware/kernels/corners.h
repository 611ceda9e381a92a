/* Where the windows of a convolution without gaps lie, some pixels at a time. */
#ifndef TINYBENCH_CORNERS_H
#define TINYBENCH_CORNERS_H

#include "kernels.h"

/* A window's top left corner. */
struct corner {
    int32_t y, x;
};

/* Those of all pixels, one after the other. */
struct walk {
    struct corner corner;
    int32_t column; /* of the output */
};

static inline struct walk first_of(const struct conv_2d_blocked *op) {
    return (struct walk){{-op->pad_top, -op->pad_left}, 0};
}

/* Return the corner of the next one. */
static inline struct corner next_corner(const struct conv_2d_blocked *op, struct walk *next) {
    const struct corner corner = next->corner;
    next->corner.x += op->stride_w;
    if (++next->column == op->out_w) {
        next->column = 0;
        next->corner.x = -op->pad_left;
        next->corner.y += op->stride_h;
    }
    return corner;
}

/* The part of a window's rows that is inside the image, in bytes of the window; nothing where
 * `end` is not behind `first`. */
struct inside {
    int32_t first, end;
};

static inline struct inside inside_row(const struct conv_2d_blocked *op, struct corner corner) {
    const int32_t x = corner.x * op->in_c, left = op->in_w * op->in_c - x;
    const int32_t width = op->kernel_w * op->in_c;
    return (struct inside){x < 0 ? -x : 0, left < width ? left : width};
}

#endif
