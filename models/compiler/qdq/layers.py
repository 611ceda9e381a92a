"""Layers with weights: Conv, Gemm, MatMul."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinybench.errors import ModelError

from ..window import PADDING_GIVEN, PADDING_VALID, SIDES
from .draft import Draft
from .onnx_file import Node
from .values import Array, Pending, Quantisation, Real, Value, Weights, exact, identity

REACH_MOST = 1 << 24
BIAS_MOST = (1 << 31) - 1
LAST = (0, 3, 1, 2)
"""Where NCHW lies in an image whose channels are last."""


@dataclass(frozen=True)
class Window:
    """Where a kernel goes, rows before columns."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: tuple[int, int, int, int]
    """Top, left, bottom, right."""
    out: tuple[int, int]

    def options(self) -> dict[str, int]:
        """Return what the compiler's operators call them."""
        return {
            "Padding": PADDING_GIVEN,
            "StrideH": self.strides[0],
            "StrideW": self.strides[1],
            **dict(zip(SIDES, self.pads, strict=True)),
        }


def window_of(node: Node, image: tuple[int, ...], kernel: Sequence[int]) -> Window:
    """Return the window over an NHWC image; raises ModelError for attributes that do not fit."""
    rank = len(kernel)
    strides = _pair(node, "strides", rank)
    dilations = _pair(node, "dilations", rank)
    whole = (1, int(kernel[0])) if rank == 1 else (int(kernel[0]), int(kernel[1]))
    pads = [int(n) for n in node.attributes.get("pads", [0] * (2 * rank))]
    if len(pads) != 2 * rank or min(pads) < 0 or max(pads) > REACH_MOST:
        raise ModelError(f"has the pads {pads[:8]}")
    top, left, bottom, right = (0, pads[0], 0, pads[1]) if rank == 1 else pads
    auto = node.attributes.get("auto_pad", b"NOTSET")
    begins, ends, out = [top, left], [bottom, right], []
    for axis in (0, 1):
        size, step = image[1 + axis], strides[axis]
        reach = (whole[axis] - 1) * dilations[axis] + 1
        if reach > REACH_MOST:
            raise ModelError(f"its window is {reach} long; {REACH_MOST} are the most")
        if auto in (b"SAME_UPPER", b"SAME_LOWER"):
            total = max(0, (-(-size // step) - 1) * step + reach - size)
            less, more = total // 2, total - total // 2
            begins[axis], ends[axis] = (less, more) if auto == b"SAME_UPPER" else (more, less)
        elif auto == b"VALID":
            begins[axis] = ends[axis] = 0
        elif auto != b"NOTSET":
            raise ModelError(f"auto_pad {auto!r}")
        span = size + begins[axis] + ends[axis] - reach
        count = span // step + 1
        if node.attributes.get("ceil_mode") and span > 0:
            # A window that would begin behind the image is left out.
            count = -(-span // step) + 1
            count -= (count - 1) * step >= size + begins[axis]
            ends[axis] = max(ends[axis], (count - 1) * step + reach - size - begins[axis])
        if count < 1:
            raise ModelError(f"its window of {reach} does not fit {size} and its padding")
        out.append(count)
    return Window(
        whole, strides, dilations, (begins[0], begins[1], ends[0], ends[1]), (out[0], out[1])
    )


def _pair(node: Node, name: str, rank: int) -> tuple[int, int]:
    found = [int(n) for n in node.attributes.get(name) or [1] * rank]
    if len(found) != rank or rank not in (1, 2) or min(found) < 1 or max(found) > REACH_MOST:
        raise ModelError(f"has the {name} {found[:8]}")
    return (1, found[0]) if rank == 1 else (found[0], found[1])


def declared(image: Sequence[int], rank: int) -> tuple[int, ...]:
    """Return the shape of an NHWC image as NCHW, or as NCW; LAST is the view of it."""
    n, height, width, channels = image
    return (n, channels, width) if rank == 3 else (n, channels, height, width)


def conv(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a Conv, in groups or not."""
    first, second, third = (*values, None)[:3]
    source, tensor = draft.linear_image(first)
    weights, scales = symmetric(second, 0)
    rank = len(source.shape)
    if weights.ndim != rank:
        raise ModelError(f"weights of {list(weights.shape)} for {list(source.shape)}")
    window = window_of(node, draft.tensors[tensor].shape, weights.shape[2:])
    weights = weights.reshape(*weights.shape[:2], *window.kernel)
    n, _, _, channels = draft.tensors[tensor].shape
    count, groups = len(weights), int(node.attributes.get("group", 1))
    if groups < 1 or channels % groups or count % groups or weights.shape[1] * groups != channels:
        raise ModelError(f"weights of {list(weights.shape)} for {channels} channels in {groups} "
                         "groups")  # fmt: skip
    biases = _biases(third, source, draft, scales, count)
    tensor, window = _within_reach(draft, tensor, window)
    image = (n, *window.out, count)
    layer = _Layer(draft, window, scales, biases)

    def make(wanted: Quantisation, activation: int) -> int:
        if groups == channels and channels > 1:
            target = draft.tensor(image, wanted)
            filters = weights.transpose(1, 2, 3, 0)
            layer.emit("DEPTHWISE_CONV_2D", tensor, filters, (0, count), 3, target, activation)
            return target
        filters = weights.transpose(0, 2, 3, 1)
        if groups == 1:
            target = draft.tensor(image, wanted)
            layer.emit("CONV_2D", tensor, filters, (0, count), 0, target, activation)
            return target
        return _grouped(layer, tensor, filters, groups, draft.tensor(image, wanted), activation)

    return [Pending(str(node), image, LAST, declared(image, rank), make, fuses=True)]


@dataclass(frozen=True)
class _Layer:
    """What the convolutions of all groups have in common."""

    draft: Draft
    window: Window
    scales: Sequence[float]
    biases: Array

    def emit(
        self,
        name: str,
        source: int,
        filters: Array,
        span: tuple[int, int],
        axis: int,
        target: int,
        activation: int,
    ) -> None:
        """Add the convolution of some output channels."""
        part = slice(*span)
        scales = self.scales if len(self.scales) == 1 else self.scales[part]
        inputs = [
            source,
            self.draft.constant(filters, "INT8", scales, [0] * len(scales), axis),
            self.draft.constant(self.biases[part], "INT32"),
        ]
        self.draft.op(
            name,
            inputs,
            [target],
            **self.window.options(),
            DilationHFactor=self.window.dilations[0],
            DilationWFactor=self.window.dilations[1],
            FusedActivationFunction=activation,
        )


def _grouped(
    layer: _Layer, source: int, filters: Array, groups: int, target: int, activation: int
) -> int:
    """Add a convolution of each group, between a split and a concatenation of channels."""
    draft = layer.draft
    *image, channels = draft.tensors[source].shape
    few, count = channels // groups, len(filters) // groups
    parts = [draft.like(source, (*image, few)) for _ in range(groups)]
    lengths = draft.constant(np.full(groups, few), "INT32")
    draft.op("SPLIT_V", [source, lengths, draft.constant(np.array([3]), "INT32")], parts)
    made = []
    for number, part in enumerate(parts):
        span = (number * count, number * count + count)
        made.append(draft.like(target, (*draft.tensors[target].shape[:3], count)))
        layer.emit("CONV_2D", part, filters[slice(*span)], span, 0, made[-1], activation)
    draft.op("CONCATENATION", made, [target], Axis=3, FusedActivationFunction=0)
    return target


def _within_reach(draft: Draft, source: int, window: Window) -> tuple[int, Window]:
    """Return image and window; where a window would lie in the padding alone, that is added."""
    reach = [(k - 1) * d + 1 for k, d in zip(window.kernel, window.dilations, strict=True)]
    if all(pad < reach[side % 2] for side, pad in enumerate(window.pads)):
        return source, window
    top, left, bottom, right = window.pads
    n, height, width, channels = draft.tensors[source].shape
    borders = np.array([[0, 0], [top, bottom], [left, right], [0, 0]])
    target = draft.like(source, (n, top + height + bottom, left + width + right, channels))
    draft.op("PAD", [source, draft.constant(borders, "INT32")], [target])
    return target, replace(window, pads=(0, 0, 0, 0))


def symmetric(value: Value | None, axis: int) -> tuple[Array, list[float]]:
    """Return weights as int8 with the zero point 0, and their scales along an axis.

    Raises ModelError where they are no such constant.
    """
    if isinstance(value, np.ndarray):
        raise ModelError("its weights are floats: quantise it too (op_types_to_quantize)")
    if not isinstance(value, Weights):
        raise ModelError("its weights are no constant")
    values, zeros = value.int8()
    if zeros.any():
        raise ModelError("its weights have a zero point; use weight_type=QuantType.QInt8")
    if value.scales.size > 1 and value.axis != axis:
        raise ModelError(f"its weights are quantised along axis {value.axis}; {axis} is needed")
    return values, value.scales.astype(np.float64).tolist()


def _biases(
    value: Value | None, source: Real, draft: Draft, scales: Sequence[float], count: int
) -> Array:
    """Return biases in steps of the input's scale times that of the weights."""
    if value is None:
        return np.zeros(count, np.int64)
    reals = value.reals() if isinstance(value, Weights) else value
    if not isinstance(reals, np.ndarray) or reals.dtype.kind not in "fi":
        raise ModelError("its biases are no constant")
    try:
        reals = np.broadcast_to(reals.astype(np.float64).reshape(-1), (count,))
    except ValueError as error:
        raise ModelError(f"{reals.size} biases for {count} channels") from error
    steps = np.rint(reals / (draft.quantisation(source.tensor).scale * np.array(scales)))
    if not np.isfinite(steps).all() or np.abs(steps).max(initial=0) > BIAS_MOST:
        raise ModelError("has a bias that 32 bits do not hold in the scale of its sums")
    return steps.astype(np.int64)


def conv_transpose(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a ConvTranspose: all that its filters reach, from which the padding is then cut."""
    first, second, third = (*values, None)[:3]
    source, tensor = draft.linear_image(first)
    weights, scales = symmetric(second, 1)
    n, height, width, channels = draft.tensors[tensor].shape
    if weights.ndim != 4 or len(source.shape) != 4 or len(weights) != channels:
        raise ModelError(f"weights of {list(weights.shape)} for {list(source.shape)}")
    strides, dilations = _pair(node, "strides", 2), _pair(node, "dilations", 2)
    given = node.attributes.get("auto_pad", b"NOTSET") != b"NOTSET"
    if int(node.attributes.get("group", 1)) != 1 or dilations != (1, 1) or given or (
        "output_shape" in node.attributes
    ):  # fmt: skip
        raise ModelError("has groups, dilations, auto_pad or output_shape: none is supported")
    pads = [int(n) for n in node.attributes.get("pads", [0] * 4)]
    more = [int(n) for n in node.attributes.get("output_padding", [0, 0])]
    count, kernel = weights.shape[1], weights.shape[2:]
    whole = [
        (size - 1) * step + reach
        for size, step, reach in zip((height, width), strides, kernel, strict=True)
    ]
    if len(pads) != 4 or len(more) != 2:
        raise ModelError(f"has {len(pads)} pads and {len(more)} of output_padding")
    ends = [whole[axis] - pads[2 + axis] + more[axis] for axis in (0, 1)]
    if min(pads) < 0 or ends[0] > whole[0] or ends[1] > whole[1]:
        raise ModelError(f"has the pads {pads[:4]} and the output_padding {more[:2]}")
    image = (n, ends[0] - pads[0], ends[1] - pads[1], count)
    biases = _biases(third, source, draft, scales, count)

    def make(wanted: Quantisation, activation: int) -> int:
        made = draft.tensor((n, *whole, count), wanted)
        inputs = [
            draft.constant(np.array([n, *whole, count]), "INT32"),
            draft.constant(weights.transpose(1, 2, 3, 0), "INT8", scales, [0] * len(scales), 0),
            tensor,
            draft.constant(biases, "INT32"),
        ]
        draft.op("TRANSPOSE_CONV", inputs, [made], Padding=PADDING_VALID, StrideH=strides[0],
                 StrideW=strides[1], FusedActivationFunction=activation)  # fmt: skip
        if draft.tensors[made].shape == image:
            return made
        return draft.cut(made, ((0, n), (pads[0], ends[0]), (pads[1], ends[1]), (0, count)))

    return [Pending(str(node), image, LAST, declared(image, 4), make, fuses=True)]


def gemm(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a Gemm with constant weights."""
    first, second, third = (*values, None)[:3]
    wanted = {"alpha": 1.0, "beta": 1.0, "transA": 0}
    for name, only in wanted.items():
        if node.attributes.get(name, only) != only and (name != "beta" or third is not None):
            raise ModelError(f"has {name} {node.attributes[name]}; {only} is supported")
    return _dense(draft, node, first, second, third, bool(node.attributes.get("transB", 0)))


def matmul(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a MatMul with constant weights."""
    first, second = (*values, None)[:2]
    return _dense(draft, node, first, second, None, False)


def _dense(
    draft: Draft,
    node: Node,
    first: Value | None,
    second: Value | None,
    third: Value | None,
    rows: bool,
) -> list[Value]:
    """Read a product; `rows`: the weights of an output are a row, not a column."""
    source = draft.linear(first)
    weights, scales = symmetric(second, 0 if rows else 1)
    if weights.ndim != 2:
        raise ModelError(f"weights of {list(weights.shape)}; two dimensions are needed")
    weights = weights if rows else weights.T
    count, depth = weights.shape
    if not source.shape or source.shape[-1] != depth:
        raise ModelError(f"weights of {count} x {depth} for {list(source.shape)}")
    biases = _biases(third, source, draft, scales, count)
    if int(np.prod(source.shape)) == depth and not exact(source):
        # One row, whose values lie in another order in memory: so do the weights then.
        order = np.arange(depth).reshape(source.stored).transpose(source.perm).reshape(-1)
        columns = np.empty_like(weights)
        columns[:, order] = weights
        weights, tensor = columns, draft.reshaped(source.tensor, (1, depth))
    else:
        tensor = draft.ordered(source, identity(source.shape))
    shape = (*source.shape[:-1], count)

    def make(wanted: Quantisation, activation: int) -> int:
        target = draft.tensor(shape, wanted)
        inputs = [
            tensor,
            draft.constant(weights, "INT8", scales, [0] * len(scales), 0),
            draft.constant(biases, "INT32"),
        ]
        draft.op("FULLY_CONNECTED", inputs, [target],
                 FusedActivationFunction=activation, WeightsFormat=0)  # fmt: skip
        return target

    return [Pending(str(node), shape, identity(shape), shape, make, fuses=True)]
