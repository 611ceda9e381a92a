/* Places along an axis, in any order. */
#include <string.h>

#include "move.h"

void gather(const struct gather *op, const void *in, void *out) {
    const uint8_t *from = in;
    uint8_t *to = out;
    for (int32_t outer = 0; outer < op->outer; outer++, from += op->whole * op->run_b) {
        for (int32_t i = 0; i < op->count; i++, to += op->run_b) {
            memcpy(to, from + op->places[i] * op->run_b, (uint32_t)op->run_b);
        }
    }
}
