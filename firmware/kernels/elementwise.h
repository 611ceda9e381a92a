/* Operators that work element by element; parameters as in kernels.h. `out` may be an input of the
 * same shape. */
#ifndef TINYBENCH_ELEMENTWISE_H
#define TINYBENCH_ELEMENTWISE_H

#include <stdint.h>

/* What a table has for each byte: any function of one value of int8 or uint8. */
struct look_up {
    const int8_t *table; /* [256], by the byte as uint8 */
    int32_t count;
};
void look_up(const struct look_up *op, const int8_t *in, void *out);

/* Loops over two tensors of which either may be stretched: a step of 0 along that dimension. */
#define PAIRS_RANK 4
struct pairs {
    int32_t shape[PAIRS_RANK]; /* of the output */
    int32_t first_stride[PAIRS_RANK];
    int32_t second_stride[PAIRS_RANK];
};

/* Product. Each `..._offset` is added to a value, `shift` is to the left where positive. */
struct mul {
    struct pairs pairs;
    int32_t first_offset, second_offset, out_offset;
    int32_t multiplier, shift;
    int32_t out_min, out_max;
};
void mul(const struct mul *op, const int8_t *first, const int8_t *second, int8_t *out);

/* Sum, or the difference where `sign` is -1: as `add`, stretched. */
struct weighted_sum {
    struct pairs pairs;
    int32_t sign;
    int32_t first_offset, first_multiplier, first_right_shift;
    int32_t second_offset, second_multiplier, second_right_shift;
    int32_t out_offset, out_multiplier, out_right_shift;
    int32_t out_min, out_max;
};
void weighted_sum(const struct weighted_sum *op, const int8_t *first, const int8_t *second,
                  int8_t *out);

/* The greater of two values, or the less where `least`. */
struct extreme {
    struct pairs pairs;
    int32_t least;
};
void extreme(const struct extreme *op, const int8_t *first, const int8_t *second, int8_t *out);

/* Quotient; one by 0 is the greatest value, or the least. */
struct quotient {
    struct pairs pairs;
    int32_t first_offset, second_offset, out_offset;
    int32_t multiplier, shift;
    int32_t out_min, out_max;
};
void quotient(const struct quotient *op, const int8_t *first, const int8_t *second, int8_t *out);

/* The square of a difference; both values at twice the greater scale. */
struct squared_difference {
    struct pairs pairs;
    int32_t first_offset, first_multiplier, first_right_shift;
    int32_t second_offset, second_multiplier, second_right_shift;
    int32_t out_offset, multiplier, shift;
};
void squared_difference(const struct squared_difference *op, const int8_t *first,
                        const int8_t *second, int8_t *out);

/* A function of two numbers of 32 bits; what leaves them wraps around, a quotient by 0 is 0. */
enum {
    WORDS_ADD,
    WORDS_SUB,
    WORDS_MUL,
    WORDS_MAXIMUM,
    WORDS_MINIMUM,
    WORDS_DIV,
    WORDS_FLOOR_DIV,
    WORDS_FLOOR_MOD,
    WORDS_SQUARED_DIFFERENCE
};
struct pairs_int32 {
    struct pairs pairs;
    int32_t function;
    int32_t out_min, out_max;
};
void pairs_int32(const struct pairs_int32 *op, const void *first, const void *second, void *out);

/* Whether two values compare so: 1 or 0. Of int8 both are put to one scale. */
enum { COMPARE_EQUAL, COMPARE_NOT_EQUAL, COMPARE_LESS, COMPARE_LESS_EQUAL };
enum { COMPARE_INT8, COMPARE_INT32, COMPARE_FLOAT32 };
struct compare {
    struct pairs pairs;
    int32_t how, type;
    int32_t first_offset, first_multiplier, first_right_shift;
    int32_t second_offset, second_multiplier, second_right_shift;
};
void compare(const struct compare *op, const void *first, const void *second, void *out);

/* The values of one tensor or of another, as a third of zeros and others says. */
struct choose {
    int32_t shape[PAIRS_RANK];
    int32_t which_stride[PAIRS_RANK], first_stride[PAIRS_RANK], second_stride[PAIRS_RANK];
    int32_t width_b;
};
void choose(const struct choose *op, const void *which, const void *first, const void *second,
            void *out);

/* Values as another type, cut off and around as in C; floats beyond a type are at its end. */
enum { CAST_INT8, CAST_UINT8, CAST_BOOL, CAST_INT16, CAST_INT32, CAST_FLOAT32 };
struct cast {
    int32_t count, from, to;
};
void cast(const struct cast *op, const void *in, void *out);

/* Where the first value is below zero, its product with the second. */
struct prelu {
    struct pairs pairs;
    int32_t first_offset, second_offset, out_offset;
    int32_t multiplier, shift; /* above zero */
    int32_t below_multiplier, below_shift;
};
void prelu(const struct prelu *op, const int8_t *first, const int8_t *second, int8_t *out);

#endif
