/* Exponentials of single precision without a library: the same bits on every core. */
#ifndef TINYBENCH_EXPONENTIAL_H
#define TINYBENCH_EXPONENTIAL_H

#include <stdint.h>

/* exp(x): infinite above 88.73, 0 below -103.98. */
float exponential(float x);

/* exp(x) - 1, exact near zero. */
float exponential_less_one(float x);

/* The natural logarithm: minus infinity of zero, NaN below it. */
float logarithm(float x);

/* tanh(x). */
float hyperbolic_tangent(float x);

/* 1 / (1 + exp(-x)), with the limits of the reference. */
float sigmoid(float x);

/* The root, rounded to the nearest; NaN below zero. */
float square_root(float x);

#endif
