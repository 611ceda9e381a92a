/* A tensor into another. */
#include <string.h>

#include "move.h"

void copy_whole(const struct copy_whole *op, const void *in, void *out) {
    memcpy(out, in, (uint32_t)op->size_b);
}
