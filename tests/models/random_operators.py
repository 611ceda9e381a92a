"""One random model of each operator: shapes, quantisation and options as they come."""

from collections.abc import Callable

import numpy as np
import tflite

from .random_arithmetic import WHOLE
from .random_lstm import lstm
from .random_moves import (
    batch_to_space,
    concatenation,
    depth_to_space,
    gather,
    gather_nd,
    pack,
    pad,
    reshaped,
    slice_,
    space_to_batch,
    space_to_depth,
    split,
    split_v,
    strided_slice,
    transpose,
    unpack,
)
from .random_tensors import (
    Shape,
    constant_of,
    image_of,
    ints,
    like,
    model,
    quantised,
    scalar,
    shape_of,
)
from .tflite_builder import (
    NONE,
    RELU,
    RELU6,
    SAME,
    VALID,
    Model,
    Operator,
    Rng,
    Tensor,
    convolution,
    replaced,
)

# ---------------------------------------------------------------------------- one value each


def unary(name: str, scale: float | None = None, zero_point: int = 0) -> Callable[[Rng], Model]:
    """Return the maker of an operator of one value, with the output's quantisation if it is set."""

    def make(rng: Rng) -> Model:
        source = quantised(rng, [256])
        target = quantised(rng, [256], scale=source.scales[0] * float(rng.uniform(0.4, 2.5)))
        if scale is not None:
            target = replaced(target, scales=[scale], zero_points=[zero_point])
        return model(name, [source], [target])

    return make


def relu6(rng: Rng) -> Model:
    """Return a RELU6, which keeps the scale."""
    source = quantised(rng, [256])
    return model("RELU6", [source], [source])


def leaky_relu(rng: Rng) -> Model:
    """Return a LEAKY_RELU with an alpha of either sign."""
    source = quantised(rng, [256])
    target = quantised(rng, [256], scale=source.scales[0] * float(rng.uniform(0.4, 2.5)))
    return model("LEAKY_RELU", [source], [target], Alpha=float(rng.uniform(-0.5, 1.5)))


def elu(rng: Rng) -> Model:
    """Return an ELU, fine enough to see the curve."""
    source = quantised(rng, [256], scale=float(rng.uniform(0.01, 0.1)))
    return model("ELU", [source], [quantised(rng, [256], scale=float(rng.uniform(0.005, 0.05)))])


def hard_swish(rng: Rng) -> Model:
    """Return a HARD_SWISH; its output's scale must not be much finer than the input's."""
    source = quantised(rng, [256])
    target = quantised(rng, [256], scale=source.scales[0] * float(rng.uniform(0.1, 2)))
    return model("HARD_SWISH", [source], [target])


def requantise(rng: Rng) -> Model:
    """Return a QUANTIZE between int8 and uint8."""
    pairs = [("INT8", "INT8"), ("INT8", "UINT8"), ("UINT8", "INT8")]
    before, after = pairs[rng.integers(len(pairs))]
    source = quantised(rng, [256], before)
    scale = source.scales[0] * float(rng.choice([1.0, rng.uniform(0.2, 4)]))
    target = quantised(rng, [256], after, scale)
    if before != after and rng.random() < 0.5:  # just the highest bit
        zero_point = int(rng.integers(-128, 128))
        middle = {"INT8": zero_point, "UINT8": zero_point + 128}
        source = replaced(source, zero_points=[middle[before]])
        target = replaced(target, scales=source.scales, zero_points=[middle[after]])
    return model("QUANTIZE", [source], [target])


def float_ends(rng: Rng) -> Model:
    """Return a model of floats that quantises, turns to another scale and turns back."""
    shape = shape_of(rng)
    first = quantised(rng, shape)
    second = quantised(rng, shape, scale=first.scales[0] * float(rng.uniform(0.4, 2.5)))
    ends = Tensor(shape, "FLOAT32")
    operators = [
        Operator("QUANTIZE", [0], [1]),
        Operator("QUANTIZE", [1], [2]),
        Operator("DEQUANTIZE", [2], [3]),
    ]
    return Model([ends, first, second, ends], operators, [0], [3])


# ------------------------------------------------------------------------------- two tensors


def stretched(rng: Rng, shape: Shape) -> list[int]:
    """Return a shape that stretches to the other one."""
    kept = [int(n) if rng.random() < 0.6 else 1 for n in shape]
    return kept[int(rng.integers(len(kept))) :] if rng.random() < 0.3 else kept


def pair(name: str) -> Callable[[Rng], Model]:
    """Return the maker of a sum, a difference or a product of two tensors."""

    def make(rng: Rng) -> Model:
        shape = shape_of(rng)
        shapes = [shape, shape if rng.random() < 0.3 else stretched(rng, shape)]
        rng.shuffle(shapes)
        first, second = (quantised(rng, s, scale=float(rng.uniform(0.01, 0.1))) for s in shapes)
        kind = rng.random()
        if kind < 0.25:
            first = constant_of(rng, first)
        elif kind < 0.5:
            second = constant_of(rng, second)
        reach = first.scales[0] * second.scales[0] * 128 if name == "MUL" else 0.1
        target = quantised(rng, shape, scale=float(rng.uniform(0.3, 2)) * reach)
        relu = int(rng.choice([NONE, RELU, RELU6]))
        return model(name, [first, second], [target], FusedActivationFunction=relu)

    return make


def extreme(name: str) -> Callable[[Rng], Model]:
    """Return the maker of a MAXIMUM or MINIMUM."""

    def make(rng: Rng) -> Model:
        shape = shape_of(rng)
        first = quantised(rng, shape)
        second = like(first, stretched(rng, shape))
        if rng.random() < 0.3:
            second = constant_of(rng, second)
        return model(name, [first, second], [first])

    return make


def quotient(rng: Rng) -> Model:
    """Return a DIV by what is not zero."""
    shape = shape_of(rng)
    first = quantised(rng, shape, scale=float(rng.uniform(0.01, 0.1)))
    second = quantised(rng, stretched(rng, shape), scale=float(rng.uniform(0.01, 0.1)))
    second = replaced(constant_of(rng, second), zero_points=[-128])
    assert second.data is not None
    second = replaced(second, data=np.maximum(second.data, -127))
    # With more, the reference shifts small quotients by more than 31 bits.
    scale = first.scales[0] / second.scales[0] * float(rng.uniform(0.002, 0.0078))
    target = quantised(rng, shape, scale=scale)
    relu = int(rng.choice([NONE, RELU, RELU6]))
    return model("DIV", [first, second], [target], FusedActivationFunction=relu)


def prelu(rng: Rng) -> Model:
    """Return a PRELU with a slope for each channel, or for all of them."""
    shape = image_of(rng)
    source = quantised(rng, shape)
    slopes = [1, 1, shape[-1]] if rng.random() < 0.7 else [1]
    slope = constant_of(rng, quantised(rng, slopes, scale=0.01))
    target = quantised(rng, shape, scale=source.scales[0] * float(rng.uniform(0.5, 2)))
    return model("PRELU", [source, slope], [target])


# ------------------------------------------------------------------------------- many to one


def reduction(name: str) -> Callable[[Rng], Model]:
    """Return the maker of a reduction along some axes."""

    def make(rng: Rng) -> Model:
        shape = shape_of(rng)
        rank = len(shape)
        axes = [int(i) for i in rng.permutation(rank)[: rng.integers(1, rank + 1)]]
        keep = bool(rng.random() < 0.5) or len(axes) == rank
        after = [1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes]
        source = quantised(rng, shape)
        target = like(source, after)
        if name in ("MEAN", "SUM"):
            count = np.prod([shape[i] for i in axes]) if name == "SUM" else 1
            scale = source.scales[0] * float(rng.uniform(0.2, 1.5) * np.sqrt(count))
            target = quantised(rng, after, scale=scale)
        said = [axis - rank if rng.random() < 0.2 else axis for axis in axes]
        return model(name, [source, ints(*said)], [target], KeepDims=keep)

    return make


def max_pool(rng: Rng) -> Model:
    """Return a MAX_POOL_2D."""
    shape = image_of(rng)
    kernel, stride = rng.integers(1, 4, 2), rng.integers(1, 4, 2)
    padding = int(rng.choice([SAME, VALID]))
    kernel = np.minimum(kernel, shape[1:3] if padding == VALID else np.prod(shape))
    size = [
        -(-n // s) if padding == SAME else (n - k) // s + 1
        for n, k, s in zip(shape[1:3], kernel, stride, strict=True)
    ]
    source = quantised(rng, shape)
    target = like(source, [1, *(int(n) for n in size), shape[3]])
    return model(
        "MAX_POOL_2D",
        [source],
        [target],
        Padding=padding,
        StrideH=int(stride[0]),
        StrideW=int(stride[1]),
        FilterHeight=int(kernel[0]),
        FilterWidth=int(kernel[1]),
        FusedActivationFunction=int(rng.choice([NONE, RELU, RELU6])),
    )


def arg_max(rng: Rng) -> Model:
    """Return an ARG_MAX along any axis."""
    shape = shape_of(rng, 2)
    axis = int(rng.integers(len(shape)))
    target = Tensor(shape[:axis] + shape[axis + 1 :], "INT32")
    options = {"OutputType": tflite.TensorType.INT32}
    return model("ARG_MAX", [quantised(rng, shape), scalar(axis)], [target], **options)


def l2_normalization(rng: Rng) -> Model:
    """Return an L2_NORMALIZATION."""
    shape = shape_of(rng, 2, 4, 12)
    return model("L2_NORMALIZATION", [quantised(rng, shape)],
                 [Tensor(shape, scales=[1 / 128], zero_points=[0])])  # fmt: skip


def resize(name: str) -> Callable[[Rng], Model]:
    """Return the maker of a resized image."""

    def make(rng: Rng) -> Model:
        shape = image_of(rng)
        size = [int(n) for n in rng.integers(1, 14, 2)]
        source = quantised(rng, shape)
        how = [{}, {"AlignCorners": True}, {"HalfPixelCenters": True}][rng.integers(3)]
        target = like(source, [1, *size, shape[3]])
        return model(name, [source, ints(*size)], [target], **how)

    return make


def transpose_conv(rng: Rng) -> Model:
    """Return a TRANSPOSE_CONV, by turning a convolution around."""
    _, height, width, in_c = image_of(rng)
    out_c = int(rng.integers(1, 6))
    kernel, stride = (tuple(int(n) for n in rng.integers(1, 4, 2)) for _ in range(2))
    padding = int(rng.choice([SAME, VALID]))
    out_h, out_w = (
        n * s if padding == SAME else (n - 1) * s + k
        for n, k, s in zip((height, width), kernel, stride, strict=True)
    )
    made = convolution(rng, (height, width, in_c), out_c, (kernel[0], kernel[1]))
    source, weights, biases, target = made.tensors
    target = replaced(target, shape=[1, out_h, out_w, out_c])
    inputs = [
        ints(1, out_h, out_w, out_c),
        weights,
        source,
        *([biases] if rng.random() < 0.7 else []),
    ]
    return model(
        "TRANSPOSE_CONV", inputs, [target], Padding=padding, StrideH=stride[0], StrideW=stride[1]
    )


RANDOM: dict[str, Callable[[Rng], Model]] = {
    "RELU": unary("RELU"),
    "RELU6": relu6,
    "ABS": unary("ABS"),
    "LEAKY_RELU": leaky_relu,
    "ELU": elu,
    "HARD_SWISH": hard_swish,
    "LOGISTIC": unary("LOGISTIC", 1 / 256, -128),
    "TANH": unary("TANH", 1 / 128),
    "QUANTIZE": requantise,
    "DEQUANTIZE": float_ends,
    "ADD": pair("ADD"),
    "SUB": pair("SUB"),
    "MUL": pair("MUL"),
    "MAXIMUM": extreme("MAXIMUM"),
    "MINIMUM": extreme("MINIMUM"),
    "DIV": quotient,
    "PRELU": prelu,
    "RESHAPE": reshaped("RESHAPE"),
    "SQUEEZE": reshaped("SQUEEZE"),
    "EXPAND_DIMS": reshaped("EXPAND_DIMS"),
    "CONCATENATION": concatenation,
    "PACK": pack,
    "UNPACK": unpack,
    "SPLIT": split,
    "SPLIT_V": split_v,
    "SLICE": slice_,
    "STRIDED_SLICE": strided_slice,
    "TRANSPOSE": transpose,
    "PAD": pad("PAD"),
    "PADV2": pad("PADV2"),
    "GATHER": gather,
    "GATHER_ND": gather_nd,
    "DEPTH_TO_SPACE": depth_to_space,
    "SPACE_TO_DEPTH": space_to_depth,
    "SPACE_TO_BATCH_ND": space_to_batch,
    "BATCH_TO_SPACE_ND": batch_to_space,
    "MEAN": reduction("MEAN"),
    "SUM": reduction("SUM"),
    "REDUCE_MAX": reduction("REDUCE_MAX"),
    "REDUCE_MIN": reduction("REDUCE_MIN"),
    "MAX_POOL_2D": max_pool,
    "ARG_MAX": arg_max,
    "L2_NORMALIZATION": l2_normalization,
    "RESIZE_NEAREST_NEIGHBOR": resize("RESIZE_NEAREST_NEIGHBOR"),
    "RESIZE_BILINEAR": resize("RESIZE_BILINEAR"),
    "TRANSPOSE_CONV": transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm,
    **WHOLE,
}
"""Those without a case of their own in tests/firmware/test_kernels.py."""
