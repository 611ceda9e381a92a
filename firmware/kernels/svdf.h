/* Layers that remember: what they were given lately lies in a state. */
#ifndef TINYBENCH_SVDF_H
#define TINYBENCH_SVDF_H

#include <stdint.h>

/* Singular value decomposition filter. Each filter makes one value of the input and keeps the last
 * `memory` of them; the weighted sum of those, of `rank` filters together, is an output. */
struct svdf {
    const int8_t *features; /* [filters][in_c] */
    const int16_t *times;   /* [filters][memory] */
    const int32_t *biases;  /* [filters / rank] */
    int32_t in_c, filters, rank, memory;
    int32_t in_zero_point, state_zero_point, out_zero_point;
    int32_t feature_multiplier, feature_shift;
    int32_t multiplier, shift;
    int32_t wide; /* whether the state is of int16 */
};
void svdf(const struct svdf *op, const int8_t *in, void *state, int8_t *out);

#endif
