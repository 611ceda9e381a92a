"""Operators that make one value of many: pools, means, softmax."""

from collections.abc import Sequence

import numpy as np

from tinybench.errors import ModelError

from ..checks import ACTIVATION_NONE
from .draft import Draft
from .layers import LAST, Window, declared, window_of
from .onnx_file import Node
from .values import Pending, Quantisation, Real, Value, exact, identity, ints

SOFTMAX = Quantisation(1 / 256, -128)


def _window(draft: Draft, node: Node, value: Value | None) -> tuple[Real, int, Window]:
    """Return a pool's input, its tensor, and its window."""
    source, tensor = draft.linear_image(value)
    kernel = [int(n) for n in node.attributes.get("kernel_shape", [])]
    if len(kernel) != len(source.shape) - 2 or min(kernel) < 1:
        raise ModelError(f"has the kernel {kernel[:8]} for {list(source.shape)}")
    window = window_of(node, draft.tensors[tensor].shape, kernel)
    if window.dilations != (1, 1):
        raise ModelError(f"dilations {list(window.dilations)}; 1 is supported")
    if any(pad >= window.kernel[side % 2] for side, pad in enumerate(window.pads)):
        raise ModelError(f"the pads {list(window.pads)} are as wide as its window")
    return source, tensor, window


def _pool(draft: Draft, name: str, source: int, window: Window, activation: int) -> int:
    image = draft.tensors[source].shape
    target = draft.like(source, (image[0], *window.out, image[3]))
    draft.op(name, [source], [target], **window.options(), FilterHeight=window.kernel[0],
             FilterWidth=window.kernel[1], FusedActivationFunction=activation)  # fmt: skip
    return target


def max_pool(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a MaxPool."""
    source, tensor, window = _window(draft, node, values[0])
    if node.attributes.get("storage_order"):
        raise ModelError("its storage order is by columns")
    made = _pool(draft, "MAX_POOL_2D", tensor, window, ACTIVATION_NONE)
    image = draft.tensors[made].shape
    return [Real(made, image, LAST, declared(image, len(source.shape)), source.table)]


def average_pool(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read an AveragePool: a pool where the scale stays; else a convolution with equal weights."""
    source, tensor, window = _window(draft, node, values[0])
    padded = any(window.pads) and bool(node.attributes.get("count_include_pad", 0))
    if padded and node.attributes.get("ceil_mode"):
        raise ModelError("counts its padding, with ceil_mode; one of the two is supported")
    n, _, _, channels = draft.tensors[tensor].shape
    image = (n, *window.out, channels)
    there = draft.quantisation(tensor)

    def make(wanted: Quantisation, activation: int) -> int:
        same = (there.scale, there.zero_point) == (wanted.scale, wanted.zero_point)
        if (same and not padded) or (any(window.pads) and not padded):
            made = _pool(draft, "AVERAGE_POOL_2D", tensor, window, activation if same else 0)
            if same:
                return made
            codes = wanted.codes(there.reals())
            return draft.looked_up(made, codes, wanted)
        target = draft.tensor(image, wanted)
        ones = np.ones((1, *window.kernel, channels), np.int8)
        scale = 1 / (window.kernel[0] * window.kernel[1])
        inputs = [
            tensor,
            draft.constant(ones, "INT8", [scale], [0], 3),
            draft.constant(np.zeros(channels), "INT32"),
        ]
        draft.op("DEPTHWISE_CONV_2D", inputs, [target], **window.options(), DilationHFactor=1,
                 DilationWFactor=1, FusedActivationFunction=activation)  # fmt: skip
        return target

    shape = declared(image, len(source.shape))
    fuses = not any(window.pads) or padded
    return [Pending(str(node), image, LAST, shape, make, fuses, default=there)]


def global_average_pool(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a GlobalAveragePool."""
    source = draft.linear(values[0])
    return _mean(draft, node, source, range(2, len(source.shape)), True)


def reduce_mean(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a ReduceMean."""
    source = draft.linear(values[0])
    axes = _axes(node, values, source)
    return _mean(draft, node, source, axes, bool(node.attributes.get("keepdims", 1)))


def _axes(node: Node, values: Sequence[Value | None], source: Real) -> list[int]:
    found = [int(n) for n in node.attributes.get("axes", [])]
    if len(values) > 1 and values[1] is not None:
        found = ints(values[1], "axes")
    rank = len(source.shape)
    if not found and node.attributes.get("noop_with_empty_axes"):
        raise ModelError("reduces nothing")
    if not all(-rank <= axis < rank for axis in found):
        raise ModelError(f"has the axes {found[:8]} for {list(source.shape)}")
    return [axis % rank for axis in found] or list(range(rank))


def _mean(draft: Draft, node: Node, source: Real, axes: Sequence[int], keeps: bool) -> list[Value]:
    # The layout in memory is kept where the view only moves dimensions.
    view = source.perm if exact(source) else identity(source.shape)
    tensor = draft.ordered(source, inverse(view))
    reduced = {view[axis] for axis in axes}
    stored = tuple(
        1 if axis in reduced else size for axis, size in enumerate(draft.tensors[tensor].shape)
    )
    shape = tuple(
        1 if axis in axes else size
        for axis, size in enumerate(source.shape)
        if axis not in axes or keeps
    )

    def make(wanted: Quantisation, _activation: int) -> int:
        target = draft.tensor(stored, wanted)
        places = draft.constant(np.array(sorted(reduced)), "INT32")
        draft.op("MEAN", [tensor, places], [target], KeepDims=1)
        return target

    there = draft.quantisation(tensor)
    return [Pending(str(node), stored, view, shape, make, fuses=False, default=there)]


def softmax(draft: Draft, node: Node, values: Sequence[Value | None]) -> list[Value]:
    """Read a Softmax; its output has the scale 1/256, and another one only behind it."""
    source = draft.linear(values[0])
    rank = len(source.shape)
    axis = int(node.attributes.get("axis", node.attributes["default axis"]))
    if not -rank <= axis < rank:
        raise ModelError(f"has the axis {axis} for {list(source.shape)}")
    axis %= rank
    # Old versions take all from the axis on together.
    if node.attributes["default axis"] == 1 and np.prod(source.shape[axis + 1 :]) > 1:
        raise ModelError("is over several dimensions at once: export with opset 13 or later")
    order = (*(i for i in range(rank) if i != axis), axis)
    tensor = draft.ordered(source, order)
    target = draft.tensor(draft.tensors[tensor].shape, SOFTMAX)
    draft.op("SOFTMAX", [tensor], [target], Beta=1.0)
    stored = draft.tensors[target].shape
    return [Real(target, stored, inverse(order), source.shape, SOFTMAX.reals())]


def inverse(order: Sequence[int]) -> tuple[int, ...]:
    """Return the order that undoes an order."""
    return tuple(int(n) for n in np.argsort(order))
