/* Windows whose taps may be apart, copied tap by tap. */
#ifndef TINYBENCH_WINDOWS_H
#define TINYBENCH_WINDOWS_H

#include <stdint.h>
#include <string.h>

/* Where a window lies; its taps are `dilation_...` pixels apart. */
struct taps {
    int32_t in_h, in_w, in_c;
    int32_t kernel_h, kernel_w;
    int32_t dilation_h, dilation_w;
    int32_t zero; /* what is outside the image */
};

/* By what the kernel's core is fastest with: it includes its header before. */
static inline void copy_tap(int8_t *to, const int8_t *from, int32_t count) {
#if defined TINYBENCH_MVE_H
    copy(to, from, count);
#elif defined TINYBENCH_DSP_H
    copy_bytes(to, from, count);
#else
    memcpy(to, from, (size_t)count);
#endif
}

static inline void fill_tap(int8_t *to, int32_t value, int32_t count) {
#if defined TINYBENCH_MVE_H
    fill(to, (int8_t)value, count);
#elif defined TINYBENCH_DSP_H
    fill_bytes(to, value, count);
#else
    memset(to, value, (size_t)count);
#endif
}

/* Copy the window with top left corner (y0, x0). */
static inline void copy_taps(const struct taps *t, const int8_t *in, int32_t y0, int32_t x0,
                             int8_t *to) {
    const int32_t end = x0 + (t->kernel_w - 1) * t->dilation_w;
    const int32_t width = t->kernel_w * t->in_c;
    for (int32_t ky = 0, y = y0; ky < t->kernel_h; ky++, y += t->dilation_h, to += width) {
        if (y < 0 || y >= t->in_h) {
            fill_tap(to, t->zero, width);
            continue;
        }
        const int8_t *row = in + y * t->in_w * t->in_c;
        if (t->dilation_w == 1 && x0 >= 0 && end < t->in_w) {
            copy_tap(to, row + x0 * t->in_c, width);
            continue;
        }
        int8_t *tap = to;
        for (int32_t x = x0; x <= end; x += t->dilation_w, tap += t->in_c) {
            if (x < 0 || x >= t->in_w) {
                fill_tap(tap, t->zero, t->in_c);
            } else {
                copy_tap(tap, row + x * t->in_c, t->in_c);
            }
        }
    }
}

#endif
