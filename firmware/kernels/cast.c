/* Values as another type, in plain C. */
#include <string.h>

#include "elementwise.h"

static const uint8_t widths_b[] = {1, 1, 1, 2, 4, 4};

/* A whole number as it lies in memory. */
static int32_t whole(int32_t type, const uint8_t *in) {
    switch (type) {
    case CAST_INT8:
        return (int8_t)*in;
    case CAST_UINT8:
        return *in;
    case CAST_BOOL:
        return *in != 0;
    case CAST_INT16: {
        int16_t value;
        memcpy(&value, in, sizeof value);
        return value;
    }
    default: {
        int32_t value;
        memcpy(&value, in, sizeof value);
        return value;
    }
    }
}

/* A float without what is behind the point, at the ends of int32 where it is beyond; 0 of NaN. */
static int32_t cut_off(const uint8_t *in) {
    float value;
    memcpy(&value, in, sizeof value);
    if (value != value) {
        return 0;
    }
    return value >= 2147483648.0f ? INT32_MAX : value < -2147483648.0f ? INT32_MIN : (int32_t)value;
}

void cast(const struct cast *op, const void *in, void *out) {
    const uint8_t *from = in;
    uint8_t *to = out;
    for (int32_t i = 0; i < op->count; i++) {
        if (op->from == CAST_FLOAT32 && op->to == CAST_FLOAT32) {
            memcpy(to, from, sizeof(float));
        } else if (op->to == CAST_FLOAT32) {
            const float value = (float)whole(op->from, from);
            memcpy(to, &value, sizeof value);
        } else {
            /* The lower bytes come first. */
            const int32_t value = op->from == CAST_FLOAT32 ? cut_off(from) : whole(op->from, from);
            const int32_t kept = op->to == CAST_BOOL ? value != 0 : value;
            memcpy(to, &kept, widths_b[op->to]);
        }
        from += widths_b[op->from];
        to += widths_b[op->to];
    }
}
