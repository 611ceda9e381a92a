/* A row into a state that moves on. */
#include <string.h>

#include "move.h"

void shift_in(const struct shift_in *op, const void *in, void *state) {
    int8_t *rows = state;
    memmove(rows, rows + op->row_b, (uint32_t)op->kept_b);
    memcpy(rows + op->kept_b, in, (uint32_t)op->row_b);
}
