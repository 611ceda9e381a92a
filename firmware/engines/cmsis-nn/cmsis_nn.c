/* A function of CMSIS-NN for each layer, whatever its version from 4.0 on. */
#include "cmsis_nn.h"

#include <arm_nnfunctions.h>

#ifdef CMSIS_NN_PROBE
#define PROBE(buffer_b)                                                                            \
    cmsis_nn_wants(op, buffer_b);                                                                  \
    return
#else
#define PROBE(buffer_b)
#endif

/* It refuses what it was not asked for with these arguments; start-up reports it. */
static void insist(int status) {
    if (status != 0) {
        __builtin_trap();
    }
}

void cmsis_nn_conv_2d(const struct cmsis_nn_conv_2d *op, const int8_t *in, int8_t *out,
                      void *scratch) {
    const cmsis_nn_context context = {.buf = scratch, .size = op->scratch_b};
    const cmsis_nn_conv_params params = {
        .input_offset = op->in_offset,
        .output_offset = op->out_offset,
        .stride = {.w = op->stride_w, .h = op->stride_h},
        .padding = {.w = op->pad_left, .h = op->pad_top},
        .dilation = {.w = op->dilation_w, .h = op->dilation_h},
        .activation = {.min = op->out_min, .max = op->out_max},
    };
    const cmsis_nn_per_channel_quant_params scales = {
        .multiplier = (int32_t *)op->multipliers,
        .shift = (int32_t *)op->shifts,
    };
    const cmsis_nn_dims from = {.n = 1, .h = op->in_h, .w = op->in_w, .c = op->in_c};
    const cmsis_nn_dims filter = {
        .n = op->out_c, .h = op->kernel_h, .w = op->kernel_w, .c = op->in_c};
    const cmsis_nn_dims biases = {.n = 1, .h = 1, .w = 1, .c = op->out_c};
    const cmsis_nn_dims to = {.n = 1, .h = op->out_h, .w = op->out_w, .c = op->out_c};
    PROBE(arm_convolve_wrapper_s8_get_buffer_size(&params, &from, &filter, &to));
    insist(arm_convolve_wrapper_s8(&context, &params, &scales, &from, in, &filter, op->weights,
                                   &biases, op->biases, &to, out));
}

void cmsis_nn_depthwise_conv_2d(const struct cmsis_nn_depthwise_conv_2d *op, const int8_t *in,
                                int8_t *out, void *scratch) {
    const cmsis_nn_context context = {.buf = scratch, .size = op->scratch_b};
    const cmsis_nn_dw_conv_params params = {
        .input_offset = op->in_offset,
        .output_offset = op->out_offset,
        .ch_mult = op->multiplier,
        .stride = {.w = op->stride_w, .h = op->stride_h},
        .padding = {.w = op->pad_left, .h = op->pad_top},
        .dilation = {.w = op->dilation_w, .h = op->dilation_h},
        .activation = {.min = op->out_min, .max = op->out_max},
    };
    const cmsis_nn_per_channel_quant_params scales = {
        .multiplier = (int32_t *)op->multipliers,
        .shift = (int32_t *)op->shifts,
    };
    const cmsis_nn_dims from = {.n = 1, .h = op->in_h, .w = op->in_w, .c = op->in_c};
    const cmsis_nn_dims filter = {.n = 1, .h = op->kernel_h, .w = op->kernel_w, .c = op->out_c};
    const cmsis_nn_dims biases = {.n = 1, .h = 1, .w = 1, .c = op->out_c};
    const cmsis_nn_dims to = {.n = 1, .h = op->out_h, .w = op->out_w, .c = op->out_c};
    PROBE(arm_depthwise_conv_wrapper_s8_get_buffer_size(&params, &from, &filter, &to));
    insist(arm_depthwise_conv_wrapper_s8(&context, &params, &scales, &from, in, &filter,
                                         op->weights, &biases, op->biases, &to, out));
}

void cmsis_nn_average_pool_2d(const struct cmsis_nn_average_pool_2d *op, const int8_t *in,
                              int8_t *out, void *scratch) {
    const cmsis_nn_context context = {.buf = scratch, .size = op->scratch_b};
    const cmsis_nn_pool_params params = {
        .stride = {.w = op->stride_w, .h = op->stride_h},
        .padding = {.w = op->pad_left, .h = op->pad_top},
        .activation = {.min = op->out_min, .max = op->out_max},
    };
    const cmsis_nn_dims from = {.n = 1, .h = op->in_h, .w = op->in_w, .c = op->out_c};
    const cmsis_nn_dims filter = {.n = 1, .h = op->kernel_h, .w = op->kernel_w, .c = 1};
    const cmsis_nn_dims to = {.n = 1, .h = op->out_h, .w = op->out_w, .c = op->out_c};
    PROBE(arm_avgpool_s8_get_buffer_size(op->out_w, op->out_c));
    insist(arm_avgpool_s8(&context, &params, &from, in, &filter, &to, out));
}

void cmsis_nn_max_pool_2d(const struct cmsis_nn_max_pool_2d *op, const int8_t *in, int8_t *out) {
    const cmsis_nn_context context = {0};
    const cmsis_nn_pool_params params = {
        .stride = {.w = op->stride_w, .h = op->stride_h},
        .padding = {.w = op->pad_left, .h = op->pad_top},
        .activation = {.min = op->out_min, .max = op->out_max},
    };
    const cmsis_nn_dims from = {.n = 1, .h = op->in_h, .w = op->in_w, .c = op->out_c};
    const cmsis_nn_dims filter = {.n = 1, .h = op->kernel_h, .w = op->kernel_w, .c = 1};
    const cmsis_nn_dims to = {.n = 1, .h = op->out_h, .w = op->out_w, .c = op->out_c};
    PROBE(0);
    insist(arm_max_pool_s8(&context, &params, &from, in, &filter, &to, out));
}

void cmsis_nn_fully_connected(const struct cmsis_nn_fully_connected *op, const int8_t *in,
                              int8_t *out) {
    const cmsis_nn_context context = {.buf = (void *)op->sums, .size = 4 * op->out_c};
    const cmsis_nn_fc_params params = {
        .input_offset = op->in_offset,
        .output_offset = op->out_offset,
        .activation = {.min = op->out_min, .max = op->out_max},
    };
    const cmsis_nn_per_tensor_quant_params scale = {.multiplier = op->multiplier,
                                                    .shift = op->shift};
    const cmsis_nn_dims from = {.n = 1, .h = 1, .w = 1, .c = op->in_c};
    const cmsis_nn_dims filter = {.n = op->in_c, .h = 1, .w = 1, .c = op->out_c};
    const cmsis_nn_dims to = {.n = 1, .h = 1, .w = 1, .c = op->out_c};
    PROBE(arm_fully_connected_s8_get_buffer_size(&filter));
    insist(arm_fully_connected_s8(&context, &params, &scale, &from, in, &filter, op->weights, &to,
                                  op->biases, &to, out));
}

void cmsis_nn_softmax(const struct cmsis_nn_softmax *op, const int8_t *in, int8_t *out) {
    PROBE(0);
    arm_softmax_s8(in, op->rows, op->classes, op->multiplier, op->shift, op->least, out);
}

#define HEAD_ROOM 20 /* bits that the inputs of a sum are shifted by. Ref: TensorFlow Lite, add */

void cmsis_nn_add(const struct cmsis_nn_add *op, const int8_t *first, const int8_t *second,
                  int8_t *out) {
    PROBE(0);
    insist(arm_elementwise_add_s8(first, second, op->first_offset, op->first_multiplier,
                                  -op->first_right_shift, op->second_offset, op->second_multiplier,
                                  -op->second_right_shift, HEAD_ROOM, out, op->out_offset,
                                  op->out_multiplier, -op->out_right_shift, op->out_min,
                                  op->out_max, op->count));
}

void cmsis_nn_mul(const struct cmsis_nn_mul *op, const int8_t *first, const int8_t *second,
                  int8_t *out) {
    PROBE(0);
    insist(arm_elementwise_mul_s8(first, second, op->first_offset, op->second_offset, out,
                                  op->out_offset, op->multiplier, op->shift, op->out_min,
                                  op->out_max, op->count));
}
