/* Rows that are kept from one strip of a tensor to the next, and brought back. */
#include <string.h>

#include "move.h"
#include "words.h"

void copy_rows(const struct copy_rows *op, const void *in, void *out) {
    const uint8_t *from = in;
    uint8_t *to = out;
    const uint32_t size_b = (uint32_t)op->size_b;
    for (int32_t plane = 0; plane < op->planes; plane++) {
        if ((((uintptr_t)from | (uintptr_t)to | size_b) & 3) == 0) {
            copy_words(to, from, size_b / 4);
        } else {
            memcpy(to, from, size_b);
        }
        from += op->in_plane_b;
        to += op->out_plane_b;
    }
}
