/* Depthwise convolution in portable C of images as they lie: four channels at a time, by the taps
 * that lie inside the image. */
#include "blocked.h"
#include "direct.h"

#ifdef __thumb2__
outputs_of outputs_blocked;

OUTPUTS_THUMB2("outputs_blocked",
               "   ldrsb  r7, [r1]\n"
               "   ldrsb  r8, [r2], #4\n"
               "   ldrsb  r9, [r1, #1]\n"
               "   ldrsb  r10, [r2, #-3]\n"
               "   add    r7, r7, lr\n"
               "   add    r9, r9, lr\n"
               "   mla    r3, r7, r8, r3\n"
               "   mla    r4, r9, r10, r4\n"
               "   ldrsb  r7, [r1, #2]\n"
               "   ldrsb  r8, [r2, #-2]\n"
               "   ldrsb  r9, [r1, #3]\n"
               "   ldrsb  r10, [r2, #-1]\n"
               "   add    r1, r1, r11\n"
               "   add    r7, r7, lr\n"
               "   add    r9, r9, lr\n"
               "   mla    r5, r7, r8, r5\n"
               "   mla    r6, r9, r10, r6\n",
               ".irp sum, r3, r4, r5, r6\n"
               "   ldm    r1!, {r7-r10}\n"
               "   add    \\sum, r7, \\sum, lsl #1\n"
               "   smull  r7, \\sum, \\sum, r8\n"
               "   add    \\sum, \\sum, r7, lsr #31\n"
               "   add    \\sum, \\sum, \\sum, asr #31\n"
               "   add    \\sum, \\sum, r9\n"
               "   asr    \\sum, \\sum, r10\n"
               "   ssat   \\sum, #8, \\sum\n"
               ".endr\n"
               "   ldrd   r9, r10, [r0, #36]\n" /* min, max */
               "   sub    r7, r10, r9\n"
               "   cmp    r7, #255\n" /* all there is */
               "   beq    4f\n"
               ".irp sum, r3, r4, r5, r6\n"
               "   cmp    \\sum, r9\n"
               "   it     lt\n"
               "   movlt  \\sum, r9\n"
               "   cmp    \\sum, r10\n"
               "   it     gt\n"
               "   movgt  \\sum, r10\n"
               ".endr\n"
               "4: strb   r3, [r2], #1\n"
               "   strb   r4, [r2], #1\n"
               "   strb   r5, [r2], #1\n"
               "   strb   r6, [r2], #1\n");
#else
static __attribute__((noinline)) void outputs_blocked(const struct outputs *outputs) {
    const int32_t column_b = outputs->column_b, offset = outputs->offset;
    const int32_t min = outputs->min, max = outputs->max;
    const struct channel_dsp *const c = outputs->channels;
    int8_t *out = outputs->out;
    for (const struct window *window = outputs->window; window != outputs->end; window++) {
        const int8_t *value = outputs->in + window->value;
        const int8_t *weight = outputs->weights + window->weights;
        int32_t sum[TOGETHER] = {0};
        for (int32_t rows = window->rows; rows > 0; rows--) {
            for (int32_t columns = window->columns; columns > 0; columns--) {
                for (int32_t i = 0; i < TOGETHER; i++) {
                    sum[i] += (value[i] + offset) * weight[i];
                }
                value += column_b;
                weight += TOGETHER;
            }
            value += window->next_row_b;
            weight += window->next_weights_b;
        }
        for (int32_t i = 0; i < TOGETHER; i++) {
            *out++ = output_blocked(sum[i], &c[i], min, max);
        }
        out += outputs->next_out_b;
    }
}
#endif

void depthwise_direct_blocked(const struct depthwise_direct *op, const int8_t *in, int8_t *out,
                              void *scratch) {
    by_fours(op, in, out, scratch, -op->in_zero_point, outputs_blocked);
}
