"""One random model of each operator: shapes, quantisation and options as they come."""

from collections.abc import Callable, Sequence

import numpy as np
import tflite

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

Shape = Sequence[int]


def quantised(rng: Rng, shape: Shape, type_: str = "INT8", scale: float | None = None) -> Tensor:
    """Return an activation with a random scale and zero point."""
    low, high = (0, 256) if type_ == "UINT8" else (-128, 128)
    scale = float(np.exp(rng.uniform(np.log(0.004), np.log(0.3)))) if scale is None else scale
    return Tensor(shape, type_, scales=[scale], zero_points=[int(rng.integers(low, high))])


def shape_of(rng: Rng, least: int = 1, most: int = 4, longest: int = 6) -> list[int]:
    """Return a random shape of so many dimensions."""
    return [int(n) for n in rng.integers(1, longest + 1, rng.integers(least, most + 1))]


def image_of(rng: Rng, channels: int | None = None) -> list[int]:
    """Return the shape of a small image."""
    return [1, *(int(n) for n in rng.integers(1, 8, 2)), channels or int(rng.integers(1, 6))]


def ints(*values: int) -> Tensor:
    """Return a constant list of int32."""
    return Tensor([len(values)], "INT32", data=np.array(values, np.int32))


def scalar(value: int) -> Tensor:
    """Return a constant int32."""
    return Tensor([], "INT32", data=np.array(value, np.int32))


def like(source: Tensor, shape: Shape) -> Tensor:
    """Return an activation of another shape with the same quantisation."""
    return Tensor(shape, source.type, scales=source.scales, zero_points=source.zero_points)


def model(
    name: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], **options: float | str
) -> Model:
    """Return a model of one operator."""
    count = len(inputs)
    op = Operator(name, range(count), range(count, count + len(outputs)), options)
    ends = [i for i, tensor in enumerate(inputs) if tensor.data is None]
    return Model([*inputs, *outputs], [op], ends, list(op.outputs))


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


def constant_of(rng: Rng, tensor: Tensor) -> Tensor:
    """Return the same as a constant."""
    data = rng.integers(-128, 128, list(tensor.shape)).astype(np.int8)
    return replaced(tensor, data=data)


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


def prelu(rng: Rng) -> Model:
    """Return a PRELU with a slope for each channel, or for all of them."""
    shape = image_of(rng)
    source = quantised(rng, shape)
    slopes = [1, 1, shape[-1]] if rng.random() < 0.7 else [1]
    slope = constant_of(rng, quantised(rng, slopes, scale=0.01))
    target = quantised(rng, shape, scale=source.scales[0] * float(rng.uniform(0.5, 2)))
    return model("PRELU", [source, slope], [target])


# ------------------------------------------------------------------------------------- moves


def reshaped(name: str) -> Callable[[Rng], Model]:
    """Return the maker of another name of the same memory, between two requantisations."""

    def make(rng: Rng) -> Model:
        shape = [1, *(n + 1 for n in shape_of(rng, 1, 3))]
        after = shape[1:] if name == "SQUEEZE" else [1, *shape]
        source, target = quantised(rng, shape), quantised(rng, after)
        middle = quantised(rng, shape)
        extra = {"SQUEEZE": [], "EXPAND_DIMS": [ints(0)], "RESHAPE": [ints(*after)]}[name]
        tensors = [source, middle, like(middle, after), target, *extra]
        operators = [
            Operator("QUANTIZE", [0], [1]),
            Operator(name, [1, *([4] if extra else [])], [2]),
            Operator("QUANTIZE", [2], [3]),
        ]
        return Model(tensors, operators, [0], [3])

    return make


def concatenation(rng: Rng) -> Model:
    """Return a CONCATENATION of one to four tensors, one of them a constant now and then."""
    shape = shape_of(rng)
    axis = int(rng.integers(len(shape)))
    source = quantised(rng, shape)
    parts = [source]
    for _ in range(int(rng.integers(0, 4))):
        other = list(shape)
        other[axis] = int(rng.integers(1, 5))
        parts.append(like(source, other))
    if len(parts) > 1 and rng.random() < 0.3:
        parts[-1] = constant_of(rng, parts[-1])
    whole = list(shape)
    whole[axis] = sum(part.shape[axis] for part in parts)
    axis -= len(shape) if rng.random() < 0.3 else 0
    return model("CONCATENATION", parts, [like(source, whole)], Axis=axis)


def pack(rng: Rng) -> Model:
    """Return a PACK of one to four tensors."""
    shape = shape_of(rng, 1, 3)
    source = quantised(rng, shape)
    count, axis = int(rng.integers(1, 5)), int(rng.integers(len(shape) + 1))
    whole = [*shape[:axis], count, *shape[axis:]]
    target = like(source, whole)
    return model("PACK", [source] * count, [target], ValuesCount=count, Axis=axis)


def unpack(rng: Rng) -> Model:
    """Return an UNPACK into one to four tensors."""
    shape = shape_of(rng, 2, 4, 4)
    source, axis = quantised(rng, shape), int(rng.integers(len(shape)))
    part = like(source, shape[:axis] + shape[axis + 1 :])
    return model("UNPACK", [source], [part] * shape[axis], Num=shape[axis], Axis=axis)


def split(rng: Rng) -> Model:
    """Return a SPLIT into equal parts."""
    shape, count = shape_of(rng), int(rng.integers(1, 4))
    axis = int(rng.integers(len(shape)))
    source = quantised(rng, shape)
    whole = list(shape)
    whole[axis] *= count
    axis -= len(shape) if rng.random() < 0.3 else 0
    parts = [source] * count
    return model("SPLIT", [scalar(axis), like(source, whole)], parts, NumSplits=count)


def split_v(rng: Rng) -> Model:
    """Return a SPLIT_V into parts of random lengths."""
    shape, sizes = shape_of(rng), [int(n) for n in rng.integers(1, 5, rng.integers(1, 4))]
    axis = int(rng.integers(len(shape)))
    source = quantised(rng, [*shape[:axis], sum(sizes), *shape[axis + 1 :]])
    parts = [like(source, [*shape[:axis], n, *shape[axis + 1 :]]) for n in sizes]
    lengths = ints(*sizes)
    return model("SPLIT_V", [source, lengths, scalar(axis)], parts, NumSplits=len(sizes))


def slice_(rng: Rng) -> Model:
    """Return a SLICE; a size of -1 is the rest."""
    shape = shape_of(rng)
    begins = [int(rng.integers(0, n)) for n in shape]
    sizes = [int(rng.integers(1, n - b + 1)) for n, b in zip(shape, begins, strict=True)]
    said = [-1 if b + s == n else s for n, b, s in zip(shape, begins, sizes, strict=True)]
    source = quantised(rng, shape)
    return model("SLICE", [source, ints(*begins), ints(*said)], [like(source, sizes)])


def strided_slice(rng: Rng) -> Model:
    """Return a STRIDED_SLICE with steps of both signs, masks, and axes that vanish."""
    while True:
        shape = shape_of(rng)
        rank = len(shape)
        begins = [int(rng.integers(-n, n)) for n in shape]
        ends = [int(rng.integers(-n - 2, n + 3)) for n in shape]
        steps = [int(n) for n in rng.choice([1, 1, 2, 3, -1, -2], rank)]
        first, last, gone = (int(rng.integers(0, 1 << rank)) for _ in range(3))
        gone &= ~first & int(rng.integers(0, 1 << rank))
        taken = []
        for i in range(rank):
            begin, end = None if first >> i & 1 else begins[i], None if last >> i & 1 else ends[i]
            if gone >> i & 1:
                steps[i] = 1
                taken.append(begins[i])
            else:
                taken.append(slice(begin, end, steps[i]))
        wanted = np.zeros(shape)[tuple(taken)].shape
        if 0 not in wanted and wanted:
            break
    source = quantised(rng, shape)
    inputs = [source, ints(*begins), ints(*ends), ints(*steps)]
    masks = {"BeginMask": first, "EndMask": last, "ShrinkAxisMask": gone}
    return model("STRIDED_SLICE", inputs, [like(source, wanted)], **masks)


def transpose(rng: Rng) -> Model:
    """Return a TRANSPOSE of any order."""
    shape = shape_of(rng)
    order = [int(i) for i in rng.permutation(len(shape))]
    source = quantised(rng, shape)
    return model("TRANSPOSE", [source, ints(*order)], [like(source, [shape[i] for i in order])])


def pad(name: str) -> Callable[[Rng], Model]:
    """Return the maker of a PAD or PADV2."""

    def make(rng: Rng) -> Model:
        shape = shape_of(rng)
        borders = rng.integers(0, 3, (len(shape), 2))
        source = quantised(rng, shape)
        target = like(source, [int(n) for n in np.array(shape) + borders.sum(axis=1)])
        table = Tensor(borders.shape, "INT32", data=borders.astype(np.int32))
        value = [constant_of(rng, like(source, [1]))] if name == "PADV2" else []
        return model(name, [source, table, *value], [target])

    return make


def gather(rng: Rng) -> Model:
    """Return a GATHER of some places of an axis."""
    shape = shape_of(rng)
    axis = int(rng.integers(len(shape)))
    places = [int(n) for n in rng.integers(0, shape[axis], rng.integers(1, 6))]
    source = quantised(rng, shape)
    target = like(source, [*shape[:axis], len(places), *shape[axis + 1 :]])
    return model("GATHER", [source, ints(*places)], [target], Axis=axis)


def depth_to_space(rng: Rng) -> Model:
    """Return a DEPTH_TO_SPACE."""
    block = int(rng.integers(1, 4))
    _, height, width, few = image_of(rng)
    source = quantised(rng, [1, height, width, few * block * block])
    target = like(source, [1, height * block, width * block, few])
    return model("DEPTH_TO_SPACE", [source], [target], BlockSize=block)


def space_to_depth(rng: Rng) -> Model:
    """Return a SPACE_TO_DEPTH."""
    back = depth_to_space(rng)
    source, target = back.tensors
    options = back.operators[0].options
    return model("SPACE_TO_DEPTH", [target], [source], **options)


def batch_to_space(rng: Rng) -> Model:
    """Return a BATCH_TO_SPACE_ND that crops rows and columns."""
    blocks = [int(n) for n in rng.integers(1, 4, 2)]
    pixels = [int(n) for n in rng.integers(1, 8, 2)]
    batch, channels = int(rng.integers(1, 3)), int(rng.integers(1, 4))
    before = [int(n) for n in rng.integers(0, 3, 2)]
    after = [-(p + b) % k for p, b, k in zip(pixels, before, blocks, strict=True)]
    borders = np.array([before, after]).T.astype(np.int32)
    rows, columns = (
        (p + b + a) // k for p, b, a, k in zip(pixels, before, after, blocks, strict=True)
    )
    source = quantised(rng, [batch * blocks[0] * blocks[1], rows, columns, channels])
    inputs = [source, ints(*blocks), Tensor([2, 2], "INT32", data=borders)]
    return model("BATCH_TO_SPACE_ND", inputs, [like(source, [batch, *pixels, channels])])


def space_to_batch(rng: Rng) -> Model:
    """Return a SPACE_TO_BATCH_ND without a border, whose value the reference leaves to chance."""
    blocks = [int(n) for n in rng.integers(1, 4, 2)]
    rows, columns, batch, channels = (int(n) for n in rng.integers(1, 4, 4))
    source = quantised(rng, [batch, rows * blocks[0], columns * blocks[1], channels])
    target = like(source, [batch * blocks[0] * blocks[1], rows, columns, channels])
    inputs = [source, ints(*blocks), Tensor([2, 2], "INT32", data=np.zeros((2, 2), np.int32))]
    return model("SPACE_TO_BATCH_ND", inputs, [target])


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
}
"""Those without a case of their own in tests/firmware/test_kernels.py."""
