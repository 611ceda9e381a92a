"""Operators that keep channels apart: which channel of the output comes of which of the input.

What an operator that is not here does with its channels is not known: it reads and writes all.
"""

from collections.abc import Callable

import msgspec
import numpy as np

from ..checks import activation_range, axis_of, numbers
from ..fixed_point import INT8_MAX, INT8_MIN, requantise
from ..graph import Graph, Operator, Tensor
from ..step import Step

ADD_BITS = 20
"""Head room of the common scale of an addition."""


class Follow(msgspec.Struct, frozen=True):
    """Channels of a tensor that become channels of another one, pair by pair.

    Of each pair both are computed, or neither.
    """

    source: int
    target: int
    source_channels: np.ndarray
    target_channels: np.ndarray


class Apart(msgspec.Struct, frozen=True):
    """An operator that keeps channels apart."""

    follows: list[Follow]
    of: Callable[[list[int]], int]
    """What it makes of a constant of each `follows`; no less of a greater one but in a table."""
    table: bool = False
    """Whether `of` may also fall."""
    border: int | None = None
    """A value that stands beside those of the input."""
    together: bool = False
    """Whether a channel comes of those of all `follows`, not of any."""


def apart(graph: Graph, op: Operator, step: Step) -> Apart | None:
    """Return how an operator, of which `step` is the last call, keeps its channels apart.

    None where it does not, or where that is not known.
    """
    source, target = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    if not (source.shape and target.shape):
        return None
    if step.function == "":
        return _renamed(source, target)
    if step.function == "look_up":
        return _looked_up(source, target, step)
    if step.function == "sum_over":
        return _summed(graph, op, source, target, step)
    known = _KNOWN.get(op.name)
    return None if known is None else known(graph, op, step)


def depthwise(source: Tensor, target: Tensor) -> Follow:
    """Return which channels of a depthwise convolution belong together."""
    channels = np.arange(target.shape[-1])
    return Follow(
        source.index, target.index, channels // (target.shape[-1] // source.shape[-1]), channels
    )


def _same(source: Tensor, target: Tensor) -> Follow:
    """Return that each channel stays what it is."""
    channels = np.arange(target.shape[-1])
    return Follow(source.index, target.index, channels, channels)


def _value(values: list[int]) -> int:
    return values[0]


def _renamed(source: Tensor, target: Tensor) -> Apart | None:
    """Return how a tensor of another shape holds the channels, where they stay whole."""
    count, every = source.shape[-1], target.shape[-1]
    if every % count:
        return None
    channels = np.arange(every)
    return Apart([Follow(source.index, target.index, channels % count, channels)], _value)


def _looked_up(source: Tensor, target: Tensor, step: Step) -> Apart | None:
    (results,) = step.constants
    if source.shape != target.shape:
        return None
    return Apart(
        [_same(source, target)], lambda values: int(results.values[values[0] & 0xFF]), table=True
    )


def _summed(graph: Graph, op: Operator, source: Tensor, target: Tensor, step: Step) -> Apart | None:
    axes = {axis_of(axis, source) for axis in numbers(graph.tensors[op.inputs[1]], "axes")}
    if len(source.shape) - 1 in axes:
        return None
    count = source.elements // target.elements
    fields = {name: int(value) for name, value in step.fields.items()}

    def total(values: list[int]) -> int:
        sum_ = count * values[0] + fields["in_offset"]
        value = requantise(sum_, fields["multiplier"], fields["shift"]) + fields["out_offset"]
        return max(INT8_MIN, min(INT8_MAX, value))

    return Apart([_same(source, target)], total)


def _pooled(graph: Graph, op: Operator, _step: Step) -> Apart:
    source, target = (graph.tensors[i] for i in (op.inputs[0], op.outputs[0]))
    low, high = activation_range(op, target)
    return Apart([_same(source, target)], lambda values: max(low, min(high, values[0])))


def _padded(graph: Graph, op: Operator, _step: Step) -> Apart | None:
    source, target = (graph.tensors[i] for i in (op.inputs[0], op.outputs[0]))
    if source.shape[-1] != target.shape[-1]:
        return None
    return Apart([_same(source, target)], _value, border=target.zero_point)


def _joined(graph: Graph, op: Operator, _step: Step) -> Apart | None:
    parts, target = [graph.tensors[i] for i in op.inputs], graph.tensors[op.outputs[0]]
    if any(part.data is not None for part in parts):
        return None
    if axis_of(int(op.options["Axis"]), target) != len(target.shape) - 1:
        return Apart([_same(part, target) for part in parts], _value)
    ends = np.cumsum([part.shape[-1] for part in parts])
    return Apart(
        [
            Follow(
                part.index,
                target.index,
                np.arange(part.shape[-1]),
                np.arange(end - part.shape[-1], end),
            )
            for part, end in zip(parts, ends, strict=True)
        ],
        _value,
    )


def _added(graph: Graph, op: Operator, step: Step) -> Apart | None:
    first, second, target = (graph.tensors[i] for i in (*op.inputs, *op.outputs))
    if second.data is not None or not first.shape == second.shape == target.shape:
        return None
    fields = {name: int(value) for name, value in step.fields.items()}

    def total(values: list[int]) -> int:
        by_index = dict(zip(op.inputs, values, strict=True))
        sum_ = 0
        for end, index in zip(("first", "second"), step.inputs, strict=True):
            value = (by_index[index] + fields[f"{end}_offset"]) << ADD_BITS
            shift = -fields[f"{end}_right_shift"]
            sum_ += requantise(value, fields[f"{end}_multiplier"], shift)
        value = requantise(sum_, fields["out_multiplier"], -fields["out_right_shift"])
        return max(fields["out_min"], min(fields["out_max"], value + fields["out_offset"]))

    return Apart([_same(first, target), _same(second, target)], total, together=True)


_KNOWN: dict[str, Callable[[Graph, Operator, Step], Apart | None]] = {
    "AVERAGE_POOL_2D": _pooled,
    "MAX_POOL_2D": _pooled,
    "PAD": _padded,
    "CONCATENATION": _joined,
    "ADD": _added,
}
