/* Depthwise 3x3 convolution in portable C: a plane with its border, weights in registers. */
#include "blocked.h"

#include <string.h>

void depthwise_3x3_blocked(const struct depthwise_3x3_blocked *op, const int8_t *in, int8_t *out,
                           void *scratch) {
    int8_t *plane = scratch;
    const int32_t step = op->channel_count;
    const int32_t row = op->plane_w;
    memset(plane, op->in_zero_point, (size_t)(op->plane_h * row));
    for (int32_t c = 0; c < op->channel_count; c++) {
        const int8_t *value = in + c;
        for (int32_t y = 0; y < op->in_h; y++) {
            int8_t *to = plane + (op->pad_top + y) * row + op->pad_left;
            for (const int8_t *end = to + op->in_w; to != end; value += step) {
                *to++ = *value;
            }
        }
        const int8_t *w = op->weights + 9 * c;
        const int32_t w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3], w4 = w[4];
        const int32_t w5 = w[5], w6 = w[6], w7 = w[7], w8 = w[8];
        int8_t *to = out + c;
        for (int32_t y = 0; y < op->out_h; y++) {
            const int8_t *a = plane + y * op->stride_h * row;
            for (int32_t x = 0; x < op->out_w; x++, a += op->stride_w, to += step) {
                const int8_t *b = a + row;
                const int8_t *d = b + row;
                const int32_t sum = a[0] * w0 + a[1] * w1 + a[2] * w2 + b[0] * w3 + b[1] * w4 +
                                    b[2] * w5 + d[0] * w6 + d[1] * w7 + d[2] * w8;
                *to = output_blocked(sum, &op->channels[c], op->out_min, op->out_max);
            }
        }
    }
}
