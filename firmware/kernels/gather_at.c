/* Places along an axis, as another tensor says. */
#include <string.h>

#include "fixed_point.h"
#include "move.h"

void gather_at(const struct gather_at *op, const void *in, const void *places, void *out) {
    const uint8_t *from = in;
    uint8_t *to = out;
    for (int32_t outer = 0; outer < op->outer; outer++, from += op->whole * op->run_b) {
        for (int32_t i = 0; i < op->count; i++, to += op->run_b) {
            int32_t place;
            memcpy(&place, (const uint8_t *)places + 4 * i, sizeof place);
            place = clamp(place, 0, op->whole - 1);
            memcpy(to, from + place * op->run_b, (uint32_t)op->run_b);
        }
    }
}
