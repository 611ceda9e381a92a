/* The greater or the less of two values of int16. */
#include "pairs_int16.h"

static int32_t one_of(const void *context, int32_t first, int32_t second) {
    const struct extreme_int16 *op = context;
    return (first < second) == (op->least != 0) ? first : second;
}

void extreme_int16(const struct extreme_int16 *op, const void *first, const void *second,
                   void *out) {
    each_pair_int16(&op->pairs, first, second, out, one_of, op);
}
