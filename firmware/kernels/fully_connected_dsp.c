/* Fully connected layer with DSP instructions: four channels at a time. */
#include "dsp.h"

#include <stdbool.h>
#include <string.h>

#define CHANNELS 4

/* Add one group, four inputs times the weights of four channels, to their sums; returns where the
 * next weights are. In named registers, for GCC does not find the load of four words by itself. */
static inline __attribute__((always_inline)) const packed *
add_group(int32_t inputs, const packed *weights, int32_t sum[CHANNELS]) {
    register int32_t w0 __asm__("r8");
    register int32_t w1 __asm__("r9");
    register int32_t w2 __asm__("r10");
    register int32_t w3 __asm__("r11");
    __asm__("ldmia %0!, {%1, %2, %3, %4}"
            : "+&r"(weights), "=&r"(w0), "=&r"(w1), "=&r"(w2), "=&r"(w3)
            : "m"(*(const packed(*)[CHANNELS])weights));
    const int32_t even = even_bytes(inputs);
    const int32_t odd = odd_bytes(inputs);
    sum[0] = __smlad(odd, odd_bytes(w0), __smlad(even, even_bytes(w0), sum[0]));
    sum[1] = __smlad(odd, odd_bytes(w1), __smlad(even, even_bytes(w1), sum[1]));
    sum[2] = __smlad(odd, odd_bytes(w2), __smlad(even, even_bytes(w2), sum[2]));
    sum[3] = __smlad(odd, odd_bytes(w3), __smlad(even, even_bytes(w3), sum[3]));
    return weights;
}

void fully_connected_dsp(const struct fully_connected_dsp *op, const int8_t *in, int8_t *out) {
    const bool exact = op->exact_negatives || op->out_min > INT8_MIN || op->out_max < INT8_MAX;
    const packed *weights = (const packed *)op->weights;
    int32_t last = 0; /* the inputs that do not fill a group */
    memcpy(&last, in + (op->in_c & ~3), (size_t)(op->in_c & 3));
    for (int32_t c = 0; c < op->out_c; c += CHANNELS) {
        int32_t sum[CHANNELS] = {0};
        const packed_anywhere *group = (const packed_anywhere *)in;
        const packed_anywhere *end = group + op->in_c / 4;
#pragma GCC unroll 4
        for (; group != end; group++) {
            weights = add_group(*group, weights, sum);
        }
        if (op->in_c % 4) {
            weights = add_group(last, weights, sum);
        }
        for (int32_t i = 0; i < CHANNELS && c + i < op->out_c; i++) {
            const struct channel_dsp *channel = &op->channels[c + i];
            out[c + i] = exact ? output_exact(sum[i], channel, op->out_min, op->out_max)
                               : output_clamped(sum[i], channel);
        }
    }
}
