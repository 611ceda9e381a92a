/* Three functions of the stand-in; all refuse a buffer that is not the one that was asked for. */
#include "arm_nnfunctions.h"

#include <stddef.h>

static int8_t scaled(int32_t sum, int32_t multiplier, int32_t shift, int32_t offset,
                     cmsis_nn_activation limits) {
    const int32_t left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
    const int64_t wide = (int64_t)(sum * (1 << left)) * multiplier;
    const int64_t high = (wide + (1 << 30)) >> 31;
    const int64_t mask = ((int64_t)1 << right) - 1;
    int64_t value = (high >> right) + ((high & mask) > (mask >> 1) + (high < 0)) + offset;
    value = value < limits.min ? limits.min : value;
    return (int8_t)(value > limits.max ? limits.max : value);
}

int32_t arm_convolve_wrapper_s8_get_buffer_size(const cmsis_nn_conv_params *params,
                                                const cmsis_nn_dims *in,
                                                const cmsis_nn_dims *filter,
                                                const cmsis_nn_dims *out) {
    (void)params, (void)out;
    return 4 * filter->h * filter->w * in->c;
}

int arm_convolve_wrapper_s8(const cmsis_nn_context *context, const cmsis_nn_conv_params *params,
                            const cmsis_nn_per_channel_quant_params *scales,
                            const cmsis_nn_dims *in_dims, const int8_t *in,
                            const cmsis_nn_dims *filter, const int8_t *weights,
                            const cmsis_nn_dims *bias_dims, const int32_t *biases,
                            const cmsis_nn_dims *out_dims, int8_t *out) {
    int32_t *values = context->buf;
    if (context->size != 4 * filter->h * filter->w * in_dims->c || bias_dims->c != filter->n) {
        return -1;
    }
    for (int32_t y = 0; y < out_dims->h; y++) {
        for (int32_t x = 0; x < out_dims->w; x++) {
            int32_t taps = 0;
            for (int32_t i = 0; i < filter->h; i++) {
                for (int32_t j = 0; j < filter->w; j++) {
                    const int32_t iy =
                        y * params->stride.h - params->padding.h + i * params->dilation.h;
                    const int32_t ix =
                        x * params->stride.w - params->padding.w + j * params->dilation.w;
                    const int is_in = iy >= 0 && ix >= 0 && iy < in_dims->h && ix < in_dims->w;
                    for (int32_t c = 0; c < in_dims->c; c++) {
                        values[taps++] = is_in ? in[(iy * in_dims->w + ix) * in_dims->c + c] +
                                                     params->input_offset
                                               : 0;
                    }
                }
            }
            for (int32_t c = 0; c < out_dims->c; c++) {
                int32_t sum = biases[c];
                for (int32_t i = 0; i < taps; i++) {
                    sum += values[i] * weights[c * taps + i];
                }
                *out++ = scaled(sum, scales->multiplier[c], scales->shift[c], params->output_offset,
                                params->activation);
            }
        }
    }
    return 0;
}

int32_t arm_depthwise_conv_wrapper_s8_get_buffer_size(const cmsis_nn_dw_conv_params *params,
                                                      const cmsis_nn_dims *in,
                                                      const cmsis_nn_dims *filter,
                                                      const cmsis_nn_dims *out) {
    (void)in, (void)out;
    return 4 * params->ch_mult * filter->h;
}

int arm_depthwise_conv_wrapper_s8(const cmsis_nn_context *context,
                                  const cmsis_nn_dw_conv_params *params,
                                  const cmsis_nn_per_channel_quant_params *scales,
                                  const cmsis_nn_dims *in_dims, const int8_t *in,
                                  const cmsis_nn_dims *filter, const int8_t *weights,
                                  const cmsis_nn_dims *bias_dims, const int32_t *biases,
                                  const cmsis_nn_dims *out_dims, int8_t *out) {
    if (context->size != 4 * params->ch_mult * filter->h || bias_dims->c != filter->c) {
        return -1;
    }
    for (int32_t at = 0; at < out_dims->h * out_dims->w * out_dims->c; at++) {
        const int32_t c = at % out_dims->c, x = at / out_dims->c % out_dims->w;
        const int32_t y = at / out_dims->c / out_dims->w;
        int32_t sum = biases[c];
        for (int32_t tap = 0; tap < filter->h * filter->w; tap++) {
            const int32_t iy =
                y * params->stride.h - params->padding.h + tap / filter->w * params->dilation.h;
            const int32_t ix =
                x * params->stride.w - params->padding.w + tap % filter->w * params->dilation.w;
            if (iy >= 0 && ix >= 0 && iy < in_dims->h && ix < in_dims->w) {
                const int32_t from = (iy * in_dims->w + ix) * in_dims->c + c / params->ch_mult;
                sum += (in[from] + params->input_offset) * weights[tap * filter->c + c];
            }
        }
        out[at] = scaled(sum, scales->multiplier[c], scales->shift[c], params->output_offset,
                         params->activation);
    }
    return 0;
}

int32_t arm_fully_connected_s8_get_buffer_size(const cmsis_nn_dims *filter) {
    return 4 * filter->c;
}

/* As on a core with vectors of bytes: sums of weights with the biases in them are wanted. */
int arm_fully_connected_s8(const cmsis_nn_context *context, const cmsis_nn_fc_params *params,
                           const cmsis_nn_per_tensor_quant_params *scale,
                           const cmsis_nn_dims *in_dims, const int8_t *in,
                           const cmsis_nn_dims *filter, const int8_t *weights,
                           const cmsis_nn_dims *bias_dims, const int32_t *biases,
                           const cmsis_nn_dims *out_dims, int8_t *out) {
    const int32_t *sums = context->buf;
    (void)in_dims, (void)bias_dims, (void)biases;
    if (sums == NULL) {
        return -1;
    }
    for (int32_t c = 0; c < out_dims->c; c++) {
        int32_t sum = sums[c];
        for (int32_t i = 0; i < filter->n; i++) {
            sum += in[i] * weights[c * filter->n + i];
        }
        out[c] =
            scaled(sum, scale->multiplier, scale->shift, params->output_offset, params->activation);
    }
    return 0;
}
