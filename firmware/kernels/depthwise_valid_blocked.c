/* Depthwise convolution without a border in portable C: four channels at a time, as they lie. */
#include "blocked.h"

#define TOGETHER 4

/* One output pixel, of the window that begins at `from`. */
static void pixel(const struct depthwise_valid_blocked *op, const int8_t *from, int8_t *out) {
    const int32_t whole = op->channel_count & ~(TOGETHER - 1);
    const struct channel_dsp *channel = op->channels;
    for (int32_t c = 0; c < whole; c += TOGETHER, channel += TOGETHER) {
        const int8_t *weight = op->weights + c;
        const int8_t *row = from + c;
        int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
        for (int32_t y = op->kernel_h; y > 0; y--, row += op->next_row) {
            const int8_t *value = row;
            for (int32_t x = op->kernel_w; x > 0; x--) {
                sum0 += value[0] * weight[0];
                sum1 += value[1] * weight[1];
                sum2 += value[2] * weight[2];
                sum3 += value[3] * weight[3];
                value += op->next_column;
                weight += op->channel_count;
            }
        }
        out[c] = output_blocked(sum0, &channel[0], op->out_min, op->out_max);
        out[c + 1] = output_blocked(sum1, &channel[1], op->out_min, op->out_max);
        out[c + 2] = output_blocked(sum2, &channel[2], op->out_min, op->out_max);
        out[c + 3] = output_blocked(sum3, &channel[3], op->out_min, op->out_max);
    }
    for (int32_t c = whole; c < op->channel_count; c++, channel++) {
        const int8_t *weight = op->weights + c;
        const int8_t *row = from + c;
        int32_t sum = 0;
        for (int32_t y = op->kernel_h; y > 0; y--, row += op->next_row) {
            const int8_t *value = row;
            for (int32_t x = op->kernel_w; x > 0; x--) {
                sum += *value * *weight;
                value += op->next_column;
                weight += op->channel_count;
            }
        }
        out[c] = output_blocked(sum, channel, op->out_min, op->out_max);
    }
}

void depthwise_valid_blocked(const struct depthwise_valid_blocked *op, const int8_t *in,
                             int8_t *out) {
    for (int32_t y = 0; y < op->out_h; y++) {
        for (int32_t x = 0; x < op->out_w; x++) {
            pixel(op, in + y * op->stride_row + x * op->stride_column, out);
            out += op->channel_count;
        }
    }
}
