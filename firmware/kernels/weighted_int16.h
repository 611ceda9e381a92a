/* What layers of int16 with weights of int8 share. */
#ifndef TINYBENCH_WEIGHTED_INT16_H
#define TINYBENCH_WEIGHTED_INT16_H

#include "fixed_point.h"
#include "int16.h"

/* So many products fit 32 bits. */
#define PRODUCTS_MOST 256

static inline int64_t products_int16(const short_int *values, const int8_t *weights,
                                     int32_t count) {
    int64_t sum = 0;
    while (count > 0) {
        const int32_t together = count < PRODUCTS_MOST ? count : PRODUCTS_MOST;
        int32_t part = 0;
        for (int32_t i = 0; i < together; i++) {
            part += values[i] * weights[i];
        }
        sum += part;
        values += together;
        weights += together;
        count -= together;
    }
    return sum;
}

static inline int16_t output_int16(const struct channel_int16 *c, int64_t sum, int32_t narrow,
                                   int32_t min, int32_t max) {
    sum += c->bias;
    if (narrow) {
        return (int16_t)clamp(requantise((int32_t)sum, c->multiplier, c->shift), min, max);
    }
    const int64_t half = (int64_t)1 << (c->shift - 1);
    return (int16_t)clamp((int32_t)((sum * c->multiplier + half) >> c->shift), min, max);
}

#endif
