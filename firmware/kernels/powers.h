/* Powers and circles of single precision without a library: the same bits on every core. Computed
 * in double precision, by the compiler's soft float where a core has none. */
#ifndef TINYBENCH_POWERS_H
#define TINYBENCH_POWERS_H

#include <stdint.h>

/* base to the power of exponent, with the limits of C. */
float power(float base, float exponent);

/* sin(x) and cos(x); NaN of what is not finite. */
float sine(float x);
float cosine(float x);

/* a less a whole multiple of b, exactly, with the sign of a; NaN where b is 0. */
float remainder_of(float a, float b);

#endif
