/* Fully connected layer with MVE instructions: sixteen inputs times four channels at a time. */
#include "kernels.h"
#include "mve.h"

void fully_connected_mve(const struct fully_connected_mve *op, const int8_t *in, int8_t *out) {
    const struct limits limits = {vdupq_n_s32(op->out_min), vdupq_n_s32(op->out_max),
                                  op->exact_negatives};
    const int8_t *weights = op->weights;
    const int32_t *channels = op->channels;
    int32_t left = op->out_c;
    for (; left >= 4; left -= 4, out += 4, channels += 16) {
        store(dot_4(in, op->in_c, &weights, channels), channels, &limits, 4, out);
    }
    if (left > 0) {
        store(dot_4(in, op->in_c, &weights, channels), channels, &limits, left, out);
    }
}
