/* A tensor of one word, repeated. */
#include <string.h>

#include "move.h"

void fill_words(const struct fill_words *op, void *out) {
    uint8_t *to = out;
    for (int32_t i = 0; i < op->count; i++, to += sizeof op->value) {
        memcpy(to, &op->value, sizeof op->value);
    }
}
