/* What lies between a model of int8 and floats. */
#include "float32.h"

#include <string.h>

static float float_at(const uint8_t *in, uint32_t index) {
    float value;
    memcpy(&value, in + sizeof value * index, sizeof value);
    return value;
}

void quantise_float32(const uint8_t *in, uint32_t count, float scale, int32_t zero_point,
                      int8_t *out) {
    /* Steps beyond these end at a limit whatever the zero point; within, the cast is defined. */
    const float least = -512.0f;
    const float most = 512.0f;
    for (uint32_t i = 0; i < count; i++) {
        float steps = float_at(in, i) / scale;
        if (!(steps > least)) { /* NaN, too */
            steps = least;
        } else if (steps > most) {
            steps = most;
        }
        int32_t value = (int32_t)steps;
        const float rest = steps - (float)value;
        if (rest >= 0.5f) {
            value++;
        } else if (rest <= -0.5f) {
            value--;
        }
        value += zero_point;
        out[i] = (int8_t)(value < INT8_MIN ? INT8_MIN : value > INT8_MAX ? INT8_MAX : value);
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
