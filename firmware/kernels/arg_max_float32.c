/* Where the greatest float is, or the least. */
#include <string.h>

#include "floats.h"

void arg_max_float32(const struct arg_max *op, const void *in, void *out) {
    const real *values = in;
    uint8_t *to = out;
    for (int32_t i = 0; i < op->outer; i++, values += op->count * op->inner) {
        for (int32_t j = 0; j < op->inner; j++, to += sizeof(int32_t)) {
            int32_t best = 0;
            for (int32_t k = 1; k < op->count; k++) {
                const float value = values[k * op->inner + j];
                const float other = values[best * op->inner + j];
                if (op->least ? value < other : value > other) {
                    best = k;
                }
            }
            memcpy(to, &best, sizeof best);
        }
    }
}
