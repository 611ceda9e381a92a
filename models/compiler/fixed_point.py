"""Fixed-point arithmetic of the TFLM reference kernels, as far as it is done before run time.

Ref: tensorflow/lite/kernels/internal (quantization_util, common) and gemmlowp's fixedpoint.h.
"""

import math

from tinybench.errors import ModelError

INT8_MIN, INT8_MAX = -128, 127
INT32_MAX = (1 << 31) - 1
INT32_MIN = -(1 << 31)


def quantised_multiplier(real: float) -> tuple[int, int]:
    """Return (multiplier, shift) with real ~ multiplier * 2^(shift - 31).

    The multiplier lies in 2^30 .. 2^31 - 1, or is 0 where `real` is too small to matter.
    Raises ModelError for what is no number.
    """
    if not math.isfinite(real):
        raise ModelError(f"its scales are {real} to one, which is no number")
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    # Halves are rounded away from zero, as std::round does; Python's round would go to even.
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier, shift = multiplier // 2, shift + 1
    if shift < -31:
        return 0, 0
    return multiplier, shift


def rounding_doubling_high_mul(a: int, b: int) -> int:
    """Return a * b / 2^31, halves rounded up, saturated to 32 bits."""
    if a == b == INT32_MIN:
        return INT32_MAX
    return (a * b + (1 << 30)) >> 31


def rounding_divide_by_pot(x: int, exponent: int) -> int:
    """Return x / 2^exponent, halves rounded away from zero."""
    if exponent == 0:
        return x
    half = 1 << (exponent - 1)
    return (x + half - (x < 0)) >> exponent


def saturate(x: int) -> int:
    """Return x limited to 32 bits."""
    return max(INT32_MIN, min(INT32_MAX, x))


def exp_of_negative(a: int, integer_bits: int = 5) -> int:
    """Return exp(a / 2^(31 - integer_bits)) as a fraction of 2^31, for a <= 0.

    A Taylor polynomial around -1/8 covers [-1/4, 0); the rest is a product of constants.
    """
    if a == 0:
        return INT32_MAX
    mul = rounding_doubling_high_mul
    quarter = 1 << (29 - integer_bits)
    within = (a & (quarter - 1)) - quarter
    x = saturate(within << integer_bits) + (1 << 28)
    x2 = mul(x, x)
    x3, x4 = mul(x2, x), mul(x2, x2)
    third = 715827883
    tail = rounding_divide_by_pot(mul(rounding_divide_by_pot(x4, 2) + x3, third) + x2, 1)
    exp_of_eighth = 1895147668
    result = saturate(exp_of_eighth + mul(exp_of_eighth, saturate(x + tail)))
    remainder = within - a
    # exp(-2^i) for i = -2 .. 4, as fractions of 2^31.
    factors = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
    for bit, factor in enumerate(factors[: integer_bits + 2], start=29 - integer_bits):
        if remainder & (1 << bit):
            result = mul(result, factor)
    return result


def softmax_scaling(scale: float, beta: float) -> tuple[int, int, int]:
    """Return multiplier, shift and the least difference whose exponential is not 0.

    Raises ValueError where the scale is outside what the reference kernel's format can hold.
    """
    real = min(beta * scale * (1 << 26), float(INT32_MAX))
    if not real > 1.0:
        raise ValueError(f"scale {scale:g} times beta {beta:g} is too small")
    multiplier, shift = quantised_multiplier(real)
    return multiplier, shift, -math.floor(31.0 * (1 << 26) / (1 << shift))


def softmax_exponentials(scale: float, beta: float) -> list[int]:
    """Return exp(-d * scale * beta) for d = 0 .. 255 as fractions of 2^31; 0 where it is too small.

    Raises as `softmax_scaling`.
    """
    multiplier, shift, least = softmax_scaling(scale, beta)
    return [
        exp_of_negative(rounding_doubling_high_mul(-d * (1 << shift), multiplier))
        if -d >= least
        else 0
        for d in range(256)
    ]


def requantise(x: int, multiplier: int, shift: int) -> int:
    """Return x * multiplier * 2^(shift - 31), rounded at the product and at a shift to the right.

    Ref: MultiplyByQuantizedMultiplier, with double rounding.
    """
    product = rounding_doubling_high_mul(x << max(shift, 0), multiplier)
    return rounding_divide_by_pot(product, max(-shift, 0))


def _newton_of_one_plus(x: int) -> int:
    """Return 2 / (1 + x) as a fraction of 2^30, for x in 0 .. 1 as one of 2^31."""
    mul = rounding_doubling_high_mul
    half_denominator = (x + INT32_MAX + 1) // 2
    # 48/17 and -32/17 with two integer bits make the best first guess.
    guess = 1515870810 + mul(half_denominator, -1010580540)
    for _ in range(3):
        error = (1 << 29) - mul(half_denominator, guess)
        guess += saturate(mul(guess, error) << 2)
    return guess


def logistic(a: int) -> int:
    """Return 1 / (1 + exp(-a / 2^27)) as a fraction of 2^31."""
    if a == 0:
        return 1 << 30
    above = saturate(_newton_of_one_plus(exp_of_negative(-abs(a), 4)) << 1)
    return above if a > 0 else INT32_MAX - above


def tanh(a: int) -> int:
    """Return tanh(a / 2^27) as a fraction of 2^31."""
    if a == 0:
        return 0
    above = saturate((_newton_of_one_plus(exp_of_negative(-abs(a), 5)) - (1 << 29)) << 2)
    return above if a > 0 else -above


def inverse_square_root(x: int) -> tuple[int, int]:
    """Return (multiplier, right shift) of 1 / sqrt(x), by five steps of Newton's method.

    Ref: GetInvSqrtQuantizedMultiplierExp.
    """
    if x <= 1:
        return INT32_MAX, 0
    right = 11
    while x >= 1 << 29:
        x, right = x // 4, right + 1
    pairs = (32 - x.bit_length() - 1) // 2 - 1
    right -= pairs
    x <<= 2 * pairs
    half = rounding_divide_by_pot(x >> 1, 1)
    half_three = (1 << 28) + (1 << 27)
    guess = 1 << 28
    mul = rounding_doubling_high_mul
    for _ in range(5):
        cube = saturate(mul(mul(guess, guess), guess) << 6)
        guess = saturate((mul(half_three, guess) - mul(half, cube)) << 3)
    guess = mul(guess, 1518500250)  # sqrt(2) / 2
    return (guess << -right, 0) if right < 0 else (guess, right)
