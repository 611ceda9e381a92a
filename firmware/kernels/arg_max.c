/* Where the greatest value is, or the least, in plain C. */
#include <string.h>

#include "reduce.h"

void arg_max(const struct arg_max *op, const int8_t *in, void *out) {
    uint8_t *to = out;
    for (int32_t i = 0; i < op->outer; i++, in += op->count * op->inner) {
        for (int32_t j = 0; j < op->inner; j++, to += sizeof(int32_t)) {
            int32_t best = 0;
            for (int32_t k = 1; k < op->count; k++) {
                const int8_t value = in[k * op->inner + j];
                const int8_t other = in[best * op->inner + j];
                if (op->least ? value < other : value > other) {
                    best = k;
                }
            }
            memcpy(to, &best, sizeof best);
        }
    }
}
