/* Sum of two tensors with MVE instructions, four elements at a time. */
#include "kernels.h"
#include "mve.h"

/* Head room of the common scale, in bits. */
#define LEFT_SHIFT 20

/* x / 2^shift, halves rounded away from zero; half of 2^shift is in `rounding`. */
static inline int32x4_t divide(int32x4_t x, int32_t rounding, int32_t shift) {
    x = vaddq_s32(x, vshrq_n_s32(x, 31));
    return vshlq_r_s32(vaddq_n_s32(x, rounding), -shift);
}

/* The sums of four elements of each tensor. */
static inline int32x4_t sums(const struct add_mve *op, int32x4_t first, int32x4_t second) {
    const int32_t first_bias = op->first_offset * (1 << (LEFT_SHIFT - 1));
    const int32_t second_bias = op->second_offset * (1 << LEFT_SHIFT);
    const int32x4_t a = vaddq_n_s32(vshlq_n_s32(first, LEFT_SHIFT - 1), first_bias);
    const int32x4_t b = vaddq_n_s32(vshlq_n_s32(second, LEFT_SHIFT), second_bias);
    const int32x4_t scaled = vqrdmulhq_n_s32(b, op->second_multiplier);
    const int32x4_t sum = vaddq_s32(a, divide(scaled, op->second_rounding, op->second_right_shift));
    const int32x4_t value =
        divide(vqrdmulhq_n_s32(sum, op->out_multiplier), op->out_rounding, op->out_right_shift);
    return limited(value, op->out_min, op->out_max);
}

void add_mve(const struct add_mve *op, const int8_t *first, const int8_t *second, int8_t *out) {
    const struct add_mve o = *op; /* which what is written cannot change */
    int32_t left = o.count;
    for (; left >= 4; left -= 4, first += 4, second += 4, out += 4) {
        vstrbq_s32(out, sums(&o, vldrbq_s32(first), vldrbq_s32(second)));
    }
    if (left > 0) {
        const mve_pred16_t some = vctp32q((uint32_t)left);
        const int32x4_t last = sums(&o, vldrbq_z_s32(first, some), vldrbq_z_s32(second, some));
        vstrbq_p_s32(out, last, some);
    }
}
