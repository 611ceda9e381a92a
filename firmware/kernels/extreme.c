/* The greater or the less of two tensors, in plain C. */
#include "pairs.h"

static int8_t greater(const void *op, int32_t first, int32_t second) {
    (void)op;
    return (int8_t)(first > second ? first : second);
}

static int8_t less(const void *op, int32_t first, int32_t second) {
    (void)op;
    return (int8_t)(first < second ? first : second);
}

void extreme(const struct extreme *op, const int8_t *first, const int8_t *second, int8_t *out) {
    if (op->least) {
        each_pair(&op->pairs, first, second, out, less, op);
    } else {
        each_pair(&op->pairs, first, second, out, greater, op);
    }
}
