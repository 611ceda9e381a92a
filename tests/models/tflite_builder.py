"""Small .tflite models with random weights, for tests that need no file and no TensorFlow."""

import math
from collections.abc import Sequence
from dataclasses import replace as replaced

import numpy as np

from tinybench.models.tflite_writer import (  # noqa: F401 - taken from here by those who build
    NONE,
    RELU,
    RELU6,
    SAME,
    VALID,
    Model,
    Operator,
    Tensor,
    write,
)

Rng = np.random.Generator


def beside(models: Sequence[Model]) -> Model:
    """Return models side by side, as one with all their inputs and outputs."""
    tensors, operators = list[Tensor](), list[Operator]()
    inputs, outputs = list[int](), list[int]()
    for model in models:
        first = len(tensors)
        tensors += model.tensors
        operators += [
            Operator(
                op.name,
                [i if i == -1 else first + i for i in op.inputs],
                [first + i for i in op.outputs],
                op.options,
            )
            for op in model.operators
        ]
        inputs += [first + i for i in model.inputs]
        outputs += [first + i for i in model.outputs]
    return Model(tensors, operators, inputs, outputs)


# ------------------------------------------------------------------------------ models of one layer


def activation(rng: Rng, shape: Sequence[int], scale: float = 0.05) -> Tensor:
    """Return an int8 activation with a random zero point."""
    return Tensor(shape, scales=[scale], zero_points=[int(rng.integers(-128, 128))])


def _layer(
    rng: Rng,
    source: Tensor,
    out_shape: Sequence[int],
    weights: np.ndarray,
    axis: int,
    relu: int,
    per_channel: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return weights, biases and an output scaled so that most values stay inside int8."""
    channels = weights.shape[axis]
    taps = weights.size // channels
    count = channels if per_channel else 1
    spread = 5000 * math.sqrt(taps)
    scales = (rng.uniform(10, 100, count) / spread).astype(np.float32)
    biases = rng.integers(-int(spread / 4), int(spread / 4) + 1, channels).astype(np.int32)
    scale = float(source.scales[0] * scales.mean() * spread / rng.uniform(20, 60))
    zero_point = -128 if relu != NONE and rng.random() < 0.7 else int(rng.integers(-128, 128))
    return (
        Tensor(weights.shape, "INT8", list(scales), [0] * count, axis, weights),
        Tensor([channels], "INT32", list(scales * source.scales[0]), [0] * count, 0, biases),
        Tensor(out_shape, scales=[scale], zero_points=[zero_point]),
    )


def _int8(rng: Rng, shape: Sequence[int]) -> np.ndarray:
    return rng.integers(-127, 128, shape).astype(np.int8)


def _windowed(size: int, kernel: int, stride: int, padding: int) -> int:
    return -(-size // stride) if padding == SAME else (size - kernel) // stride + 1


def convolution(
    rng: Rng,
    shape: tuple[int, int, int],
    out_c: int,
    kernel: tuple[int, int] = (3, 3),
    stride: tuple[int, int] = (1, 1),
    padding: int = SAME,
    relu: int = NONE,
    per_channel: bool = True,
    depthwise: bool = False,
    bias: bool = True,
    dilation: tuple[int, int] = (1, 1),
) -> Model:
    """Return a convolution of an image of (height, width, channels)."""
    height, width, in_c = shape
    source = activation(rng, (1, *shape))
    form = (1, *kernel, out_c) if depthwise else (out_c, *kernel, in_c)
    out_h, out_w = (
        _windowed(n, (k - 1) * d + 1, s, padding)
        for n, k, s, d in zip((height, width), kernel, stride, dilation, strict=True)
    )
    axis = 3 if depthwise else 0
    weights, biases, target = _layer(
        rng, source, (1, out_h, out_w, out_c), _int8(rng, form), axis, relu, per_channel
    )
    options: dict[str, float] = {
        "Padding": padding,
        "StrideW": stride[1],
        "StrideH": stride[0],
        "FusedActivationFunction": relu,
        "DilationWFactor": dilation[1],
        "DilationHFactor": dilation[0],
    }
    if depthwise:
        options["DepthMultiplier"] = out_c // in_c
    name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    op = Operator(name, [0, 1, 2 if bias else -1], [3], options)
    return Model([source, weights, biases, target], [op], [0], [3])


def fully_connected(
    rng: Rng, in_c: int, out_c: int, relu: int = NONE, per_channel: bool = False, batch: int = 1
) -> Model:
    """Return a fully connected layer."""
    source = activation(rng, (batch, in_c))
    weights, biases, target = _layer(
        rng, source, (batch, out_c), _int8(rng, (out_c, in_c)), 0, relu, per_channel
    )
    op = Operator("FULLY_CONNECTED", [0, 1, 2], [3], {"FusedActivationFunction": relu})
    return Model([source, weights, biases, target], [op], [0], [3])


def average_pool(
    rng: Rng,
    shape: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: int = VALID,
    relu: int = NONE,
) -> Model:
    """Return an average pool of an image of (height, width, channels)."""
    height, width, channels = shape
    source = activation(rng, (1, *shape))
    out_h = _windowed(height, kernel[0], stride[0], padding)
    out_w = _windowed(width, kernel[1], stride[1], padding)
    target = Tensor(
        (1, out_h, out_w, channels), scales=source.scales, zero_points=source.zero_points
    )
    options = {
        "Padding": padding,
        "StrideW": stride[1],
        "StrideH": stride[0],
        "FilterWidth": kernel[1],
        "FilterHeight": kernel[0],
        "FusedActivationFunction": relu,
    }
    return Model([source, target], [Operator("AVERAGE_POOL_2D", [0], [1], options)], [0], [1])


def softmax(rng: Rng, classes: int, scale: float, beta: float = 1.0) -> Model:
    """Return a softmax over one row."""
    source = activation(rng, (1, classes), scale)
    target = Tensor((1, classes), scales=[1 / 256], zero_points=[-128])
    return Model([source, target], [Operator("SOFTMAX", [0], [1], {"Beta": beta})], [0], [1])


def add(
    rng: Rng,
    count: int,
    relu: int = NONE,
    ratio: float | None = None,
    out_ratio: float | None = None,
) -> Model:
    """Return the sum of an input and of a pointwise convolution of it.

    `ratio` is the scale of the convolution's output by the input's, `out_ratio` that of the sum by
    the greater of the two; by default they are as they come.
    """
    source = activation(rng, (1, 1, 1, count), float(rng.uniform(0.01, 0.1)))
    model = convolution(rng, (1, 1, count), count, (1, 1))
    weights, biases, middle = model.tensors[1:]
    if ratio is not None:
        factor = ratio * source.scales[0] / middle.scales[0]
        middle = replaced(middle, scales=[ratio * source.scales[0]])
        weights = replaced(weights, scales=[factor * scale for scale in weights.scales])
    if out_ratio is None:
        out_ratio = float(rng.uniform(0.6, 1.5))
    scale = out_ratio * max(source.scales[0], middle.scales[0])
    target = Tensor((1, 1, 1, count), scales=[scale], zero_points=[int(rng.integers(-128, 128))])
    operators = [
        model.operators[0],
        Operator("ADD", [0, 3], [4], {"FusedActivationFunction": relu}),
    ]
    return Model([source, weights, biases, middle, target], operators, [0], [4])


def chain(*models: Model) -> Model:
    """Return models of one operator, one after the other.

    Each input takes the place of the output before it, with that one's quantisation; the scale of
    what follows is changed in proportion, so that values stay as they would be alone.
    """
    tensors, operators = list(models[0].tensors), list(models[0].operators)
    end = models[0].outputs[0]
    for model in models[1:]:
        (op,) = model.operators
        start, before, head = len(tensors), tensors[end], model.tensors[model.inputs[0]]
        place = {i: start + i for i in range(len(model.tensors))} | {model.inputs[0]: end, -1: -1}
        ratio = before.scales[0] / head.scales[0]
        tensors += [
            replaced(t, scales=[ratio * s for s in t.scales]) if t.type == "INT32" else t
            for t in model.tensors
        ]
        out = place[model.outputs[0]]
        if op.name in ("AVERAGE_POOL_2D", "RESHAPE"):
            scales, zero_points = before.scales, before.zero_points
        elif op.name == "SOFTMAX":
            scales, zero_points = tensors[out].scales, tensors[out].zero_points
        else:
            # Random layers damp what differs between inputs; the smaller step makes up for it.
            scales = [0.3 * tensors[out].scales[0] * ratio]
            zero_points = tensors[out].zero_points
        tensors[out] = replaced(tensors[out], scales=scales, zero_points=zero_points)
        inputs, end = [place[i] for i in op.inputs], out
        operators.append(Operator(op.name, inputs, [end], op.options))
    return Model(tensors, operators, models[0].inputs, [end])


def reshape(rng: Rng, before: Sequence[int], after: Sequence[int]) -> Model:
    """Return a reshape with its shape as a constant."""
    source = activation(rng, before)
    shape = Tensor([len(after)], "INT32", data=np.array(after, np.int32))
    target = Tensor(after, scales=source.scales, zero_points=source.zero_points)
    return Model([source, shape, target], [Operator("RESHAPE", [0, 1], [2])], [0], [2])


def refused(count: int, scale: float = 0.05, zero_point: int = 3) -> Model:
    """Return a model that our compiler refuses and the reference runs: a row from back to front."""
    row = Tensor((1, count), scales=(scale,), zero_points=(zero_point,))
    places = Tensor((1, count), "INT32", data=np.arange(count, dtype=np.int32)[None, ::-1].copy())
    gather = Operator("GATHER", [0, 1], [2], {"Axis": 1, "BatchDims": 1})
    return Model([row, places, row], [gather], [0], [2])


def requantise_and_reshape(rng: Rng) -> Model:
    """Return a reshape whose shape other operators compute of the input's."""
    source, middle, target = activation(rng, [1, 6]), activation(rng, [1, 6]), [1, 2, 3]
    tensors = [
        source,
        middle,
        Tensor([2], "INT32"),
        Tensor([1, 3], "INT32"),
        Tensor(target, scales=middle.scales, zero_points=middle.zero_points),
    ]
    operators = [
        Operator("QUANTIZE", [0], [1]),
        Operator("SHAPE", [1], [2]),
        Operator("CUMSUM", [2], [3]),
        Operator("RESHAPE", [1, 3], [4]),
    ]
    return Model(tensors, operators, [0], [4])
