/* Resizing an image between pixels, plain C. */
#include "reduce.h"

/* Between two pixels, and a whole pixel of both directions, in bits. */
#define STEPS 10
#define ONE (1 << STEPS)
#define HALF (1 << (2 * STEPS - 1))

void resize_bilinear(const struct resize_bilinear *op, const int8_t *in, int8_t *out) {
    for (int32_t y = 0; y < op->out_h; y++) {
        const struct between row = op->rows[y];
        const int8_t *above = in + row.low * op->in_w * op->channel_count;
        const int8_t *below = in + row.high * op->in_w * op->channel_count;
        for (int32_t x = 0; x < op->out_w; x++) {
            const struct between column = op->columns[x];
            const int32_t left = column.low * op->channel_count;
            const int32_t right = column.high * op->channel_count;
            for (int32_t c = 0; c < op->channel_count; c++) {
                const int32_t upper =
                    above[left + c] * (ONE - column.part) + above[right + c] * column.part;
                const int32_t lower =
                    below[left + c] * (ONE - column.part) + below[right + c] * column.part;
                const int32_t sum = upper * (ONE - row.part) + lower * row.part;
                *out++ = (int8_t)((sum + (sum > 0 ? HALF : -HALF)) / (2 * HALF));
            }
        }
    }
}
