/* Convolution with MVE instructions whose taps may be apart, and whose scales may be any. */
#include "kernels.h"
#include "mve.h"
#include "windows.h"

void conv_2d_any_mve(const struct conv_2d_any_mve *op, const int8_t *in, int8_t *out,
                     void *scratch) {
    const struct taps taps = {op->in_h,     op->in_w,       op->in_c,       op->kernel_h,
                              op->kernel_w, op->dilation_h, op->dilation_w, op->in_zero_point};
    int8_t *window = scratch;
    const int32_t window_b = 16 * op->blocks;
    fill(window, 0, window_b);
    for (int32_t y = 0; y < op->out_h; y++) {
        for (int32_t x = 0; x < op->out_w; x++, out += op->out_c) {
            copy_taps(&taps, in, y * op->stride_h - op->pad_top, x * op->stride_w - op->pad_left,
                      window);
            const int8_t *weights = op->weights;
            for (int32_t c = 0; c < op->out_c; c += 4) {
                const int32_t *channels = op->channels + 4 * c;
                const int32x4_t sums = dot_4(window, window_b, &weights, channels);
                const int32x4_t result =
                    vaddq_s32(output_wide(sums, channels), vdupq_n_s32(op->out_offset));
                vstrbq_p_s32(out + c, limited(result, op->out_min, op->out_max),
                             vctp32q((uint32_t)(op->out_c - c)));
            }
        }
    }
}
