"""Layers with weights: their tensors and quantisation, checked."""

import functools
import weakref
from collections.abc import Callable

import msgspec
import numpy as np

from tinybench.errors import ModelError

from .checks import activation, activation_range, check_scales, constant, inputs
from .graph import Graph, Operator, Tensor
from .output_stage import Channels, channels_of
from .window import Window


class Layer(msgspec.Struct, frozen=True):
    """What convolutions and fully connected layers have in common."""

    source: Tensor
    target: Tensor
    filters: Tensor
    weights: np.ndarray
    """In the shape of `filters`."""
    biases: Tensor | None


class Convolution(msgspec.Struct, frozen=True):
    """A checked convolution."""

    source: Tensor
    target: Tensor
    window: Window
    rows: np.ndarray
    """Weights, [channels][taps]."""
    channels: Channels

    @property
    def macs(self) -> int:
        """Multiplications of one inference."""
        return self.window.pixels * self.rows.size


Read = Callable[[Graph, Operator], Convolution]


def read_once(read: Read) -> Read:
    """Return `read`, which several stages of the compiler ask for the same layer.

    What it returns is kept while the operator is there, and is for the same tensors alone.
    """
    kept = dict[int, tuple[weakref.ref[Operator], list[Tensor], Convolution]]()

    @functools.wraps(read)
    def reading(graph: Graph, op: Operator) -> Convolution:
        ends = [graph.tensors[i] for i in (*op.inputs, *op.outputs) if i >= 0]
        key = id(op)
        if (there := kept.get(key)) is not None:
            of, before, found = there
            same = of() is op and len(before) == len(ends)
            if same and all(one is other for one, other in zip(before, ends, strict=True)):
                return found
        found = read(graph, op)
        kept[key] = weakref.ref(op, lambda _: kept.pop(key, None)), ends, found
        return found

    return reading


def read_layer(graph: Graph, op: Operator, dimensions: int) -> Layer:
    """Return an operator's tensors, its weights of so many dimensions."""
    source, filters, biases = (*inputs(graph, op, (2, 3)), None)[:3]
    source, target = activation(source), graph.tensors[op.outputs[0]]
    weights = constant(filters, "INT8", "weights")
    if filters is None or weights.ndim != dimensions:
        raise ModelError(
            f"its weights have the shape {list(weights.shape)}; {dimensions} dimensions needed"
        )
    return Layer(source, target, filters, weights, biases)


def layer_channels(op: Operator, layer: Layer, rows: np.ndarray, axis: int) -> Channels:
    """Return the output stage; `rows` are the weights as [channels][taps], channels on `axis`."""
    limits = activation_range(op, layer.target)
    count = len(rows)
    biases = _bias(layer.biases, count)
    return channels_of(
        rows,
        biases,
        multipliers(layer, axis, count),
        layer.source,
        layer.target,
        limits,
    )


def _bias(tensor: Tensor | None, count: int) -> np.ndarray | None:
    if tensor is None:
        return None
    values = constant(tensor, "INT32", "biases")
    if values.size != count:
        raise ModelError(f"its biases, {tensor}, are {values.size}; {count} are needed")
    return values.reshape(-1)


def _check_filter(filters: Tensor, axis: int, count: int) -> None:
    """Check a weight tensor's quantisation: symmetric, for all of it or for each channel."""
    check_scales(filters)
    if len(filters.scales) not in (1, count) or any(filters.zero_points):
        raise ModelError(
            f"its weights, {filters}, have {len(filters.scales)} scales and the zero points "
            f"{sorted(set(filters.zero_points))}; 1 or {count} scales and 0 are supported"
        )
    if len(filters.scales) > 1 and filters.axis != axis:
        raise ModelError(f"its weights are quantised along axis {filters.axis}; {axis} is needed")


def multipliers(layer: Layer, axis: int, count: int) -> list[float]:
    """Return input scale * weight scale / output scale of each channel, in double precision."""
    filters = layer.filters
    _check_filter(filters, axis, count)
    scales = filters.scales if len(filters.scales) == count else filters.scales * count
    return [layer.source.scale * scale / layer.target.scale for scale in scales]
