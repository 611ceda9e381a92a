/* The same value everywhere. */
#include <string.h>

#include "move.h"

void fill(const struct fill *op, void *out) {
    memset(out, op->value, (uint32_t)op->count);
}
