/* What lies between a model of integers and floats: outside the timed inference where floats are
 * uploaded to a model of integers, in it where they are the model's own. */
#ifndef TINYBENCH_FLOAT32_H
#define TINYBENCH_FLOAT32_H

#include <stdint.h>

/* Quantise `count` float32 (little endian): round(value / scale) + zero_point, halves away from
 * zero, clamped to int8. Infinities are clamped too; NaN gives -128. */
void quantise_float32(const uint8_t *in, uint32_t count, float scale, int32_t zero_point,
                      int8_t *out);
/* The same to int16, whose zero point is 0. */
void quantise_float32_int16(const uint8_t *in, uint32_t count, float scale, int16_t *out);

/* Mean squared error between `count` float32 (little endian) and int8 values, these dequantised;
 * summed up in single precision, from the first to the last, as the reference does.
 * Ref: mlcommons/tiny, benchmark/reference_submissions/anomaly_detection. */
float mean_squared_error(const uint8_t *in, const int8_t *out, uint32_t count, float scale,
                         int32_t zero_point);
/* The same of int16, whose zero point is 0, and of floats. */
float mean_squared_error_int16(const uint8_t *in, const int16_t *out, uint32_t count, float scale);
float mean_squared_error_float32(const uint8_t *in, const float *out, uint32_t count);

/* The operators at the float ends of a model: as above, and back. */
struct quantize {
    int32_t count;
    float scale;
    int32_t zero_point;
};
void quantize(const struct quantize *op, const void *in, int8_t *out);

struct dequantize {
    int32_t count;
    float scale;
    int32_t zero_point;
    int32_t is_unsigned;
};
void dequantize(const struct dequantize *op, const int8_t *in, void *out);

#endif
