/* Fully connected layer with MVE instructions: sixteen inputs times four channels at a time. */
#include "kernels.h"
#include "mve.h"

void fully_connected_mve(const struct fully_connected_mve *op, const int8_t *in, int8_t *out) {
    const struct limits limits = {vdupq_n_s32(op->out_min), vdupq_n_s32(op->out_max),
                                  op->exact_negatives};
    const int32_t in_c = op->in_c;
    const int32_t weights_b = 4 * ((in_c + 15) & ~15);
    const int8_t *weights = op->weights;
    const int32_t *channels = op->channels;
    for (int32_t left = op->out_c; left > 0; left -= 4, out += 4) {
        store(dot_4(in, in_c, weights, channels), channels, &limits, left, out);
        weights += weights_b;
        channels += 16;
    }
}
