/* Resizing an image by repeating or leaving out pixels. */
#include <string.h>

#include "move.h"

void resize_nearest_neighbor(const struct resize_nearest_neighbor *op, const void *in, void *out) {
    const uint8_t *pixels = in;
    uint8_t *to = out;
    const uint32_t pixel_b = (uint32_t)op->channel_count;
    for (int32_t y = 0; y < op->out_h; y++) {
        const uint8_t *row = pixels + op->rows[y] * op->in_w * op->channel_count;
        for (int32_t x = 0; x < op->out_w; x++, to += pixel_b) {
            memcpy(to, row + op->columns[x] * op->channel_count, pixel_b);
        }
    }
}
