/* What lies between a model of int8 and floats. */
#include "float32.h"

#include <string.h>

static float float_at(const uint8_t *in, uint32_t index) {
    float value;
    memcpy(&value, in + sizeof value * index, sizeof value);
    return value;
}

/* A value in whole steps, halves away from zero, of no more than `most` of either sign. */
static int32_t in_steps(float value, float scale, float most) {
    float steps = value / scale;
    if (!(steps > -most)) { /* NaN, too */
        steps = -most;
    } else if (steps > most) {
        steps = most;
    }
    const int32_t whole = (int32_t)steps;
    const float rest = steps - (float)whole;
    return rest >= 0.5f ? whole + 1 : rest <= -0.5f ? whole - 1 : whole;
}

void quantise_float32(const uint8_t *in, uint32_t count, float scale, int32_t zero_point,
                      int8_t *out) {
    for (uint32_t i = 0; i < count; i++) {
        /* Steps beyond 512 end at a limit whatever the zero point. */
        const int32_t value = in_steps(float_at(in, i), scale, 512.0f) + zero_point;
        out[i] = (int8_t)(value < INT8_MIN ? INT8_MIN : value > INT8_MAX ? INT8_MAX : value);
    }
}

void quantise_float32_int16(const uint8_t *in, uint32_t count, float scale, int16_t *out) {
    for (uint32_t i = 0; i < count; i++) {
        const int32_t value = in_steps(float_at(in, i), scale, 65536.0f);
        out[i] = (int16_t)(value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value);
    }
}

float mean_squared_error(const uint8_t *in, const int8_t *out, uint32_t count, float scale,
                         int32_t zero_point) {
    float sum = 0.0f;
    for (uint32_t i = 0; i < count; i++) {
        const float error = (float)(out[i] - zero_point) * scale - float_at(in, i);
        sum += error * error;
    }
    return sum / (float)count;
}

float mean_squared_error_int16(const uint8_t *in, const int16_t *out, uint32_t count, float scale) {
    float sum = 0.0f;
    for (uint32_t i = 0; i < count; i++) {
        const float error = (float)out[i] * scale - float_at(in, i);
        sum += error * error;
    }
    return sum / (float)count;
}

float mean_squared_error_float32(const uint8_t *in, const float *out, uint32_t count) {
    float sum = 0.0f;
    for (uint32_t i = 0; i < count; i++) {
        const float error = out[i] - float_at(in, i);
        sum += error * error;
    }
    return sum / (float)count;
}

void quantize(const struct quantize *op, const void *in, int8_t *out) {
    quantise_float32(in, (uint32_t)op->count, op->scale, op->zero_point, out);
}

void dequantize(const struct dequantize *op, const int8_t *in, void *out) {
    for (int32_t i = 0; i < op->count; i++) {
        const int32_t step = op->is_unsigned ? (uint8_t)in[i] : in[i];
        const float value = (float)(step - op->zero_point) * op->scale;
        memcpy((uint8_t *)out + sizeof value * (uint32_t)i, &value, sizeof value);
    }
}
