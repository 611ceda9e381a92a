/* An image of floats of another size, between four pixels each. */
#include "floats.h"

void resize_bilinear_float32(const struct resize_bilinear_float32 *op, const void *in, void *out) {
    const real *values = in;
    real *result = out;
    for (int32_t y = 0; y < op->out_h; y++) {
        const struct between_float32 *row = &op->rows[y];
        const real *above = values + row->low * op->in_w * op->channel_count;
        const real *below = values + row->high * op->in_w * op->channel_count;
        for (int32_t x = 0; x < op->out_w; x++) {
            const struct between_float32 *column = &op->columns[x];
            const int32_t left = column->low * op->channel_count;
            const int32_t right = column->high * op->channel_count;
            for (int32_t c = 0; c < op->channel_count; c++) {
                *result++ = above[left + c] * (1.0f - row->part) * (1.0f - column->part) +
                            below[left + c] * row->part * (1.0f - column->part) +
                            above[right + c] * (1.0f - row->part) * column->part +
                            below[right + c] * row->part * column->part;
            }
        }
    }
}
