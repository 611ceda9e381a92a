"""Divide layers between two cores: each computes half of an output, by the same kernel.

Rows of a convolution, or channels of a fully connected layer. Each value is computed by one core
alone, from the same operands as before: no output changes. What both need at once, such as scratch
memory, is there twice.
"""

from itertools import pairwise

import msgspec

from tinybench.errors import ModelError

from ..graph import Graph, Operator, Tensor
from ..layer import read_layer
from ..layout import lay_out
from ..step import Step, Variant
from .cut import Calls, LowerOne, halved
from .run import Link, links

LEAST_MACS = 4096
"""Of a layer that is worth a word between the cores, and what the longer half waits for."""
TOGETHER = 16
"""Channels that a kernel may compute together: a half has a multiple of them, if it has as many."""


class Halves(msgspec.Struct, frozen=True, kw_only=True):
    """What two cores do of a model."""

    layers: int
    """Layers of which each core computes half."""
    macs: int
    """Multiplications of these; the first core computes the other layers alone."""
    arena_more_b: int
    """Bytes by which the arena is larger for it."""


def in_halves(
    graph: Graph, steps: list[Step], variant: Variant, lower_one: LowerOne
) -> tuple[list[Step], Halves]:
    """Return the steps, with two in place of each that two cores can compute, and what that is.

    `variant` is what `steps` are lowered for, by `lower_one`. The first of two is the first core's,
    the second is `beside` it. Operators in strips stay with the first core.
    """
    calls = Calls(graph, variant, lower_one)
    divided = list[Step]()
    for i, step in enumerate(steps):
        divided += _halves(calls, steps, i) or [step]
    halves = [(one, other) for one, other in pairwise(divided) if other.beside]
    return divided, Halves(
        layers=len(halves),
        macs=sum(one.macs + other.macs for one, other in halves),
        arena_more_b=lay_out(graph, divided).arena_b - lay_out(graph, steps).arena_b,
    )


def _halves(calls: Calls, steps: list[Step], i: int) -> list[Step] | None:
    """Return two steps in place of one; None where it is one core's."""
    step = steps[i]
    if step.macs < LEAST_MACS:
        return None
    found = _by_channels(calls, step)
    if found is None and (link := _link(calls.graph, steps, i)) is not None:
        found = _by_rows(calls, link)
    if found is None:
        return None
    one, other = found
    return [one, msgspec.structs.replace(other, beside=True)]


def _link(graph: Graph, steps: list[Step], i: int) -> Link | None:
    """Return a step as one whose rows can be computed some at a time; None where they cannot."""
    around = links(graph, steps, i, lambda _, step: step is not steps[i])
    return around[0][1] if around else None


def _by_rows(calls: Calls, link: Link) -> list[Step] | None:
    """Return the halves of an image's rows; an even number first, as kernels compute pairs."""
    middle = link.window.out_h // 2
    middle -= middle % 2 if middle > 1 else 0
    if middle < 1:
        return None
    found = halved(calls.graph, link, middle, calls.variant.planar, calls.of)
    if found is None:
        return None
    one, other = found
    macs = link.step.macs * middle // link.window.out_h
    return [
        msgspec.structs.replace(one, macs=macs),
        msgspec.structs.replace(other, macs=link.step.macs - macs),
    ]


def _by_channels(calls: Calls, step: Step) -> list[Step] | None:
    """Return the halves of a fully connected layer's channels."""
    op, graph = step.operator, calls.graph
    if op.name != "FULLY_CONNECTED" or step.inputs != [op.inputs[0]] or step.images > 1:
        return None
    try:
        layer = read_layer(graph, op, 2)
    except ModelError:  # of other types
        return None
    channels = len(layer.weights)
    if layer.target.elements != channels or layer.target.type != "INT8":
        return None  # several rows
    middle = channels // 2
    middle -= middle % min(TOGETHER, max(1, middle))
    found = list[Step]()
    for first, end in ((0, middle), (middle, channels)):
        lowered = calls.lower_one(*_some_channels(graph, op, first, end), calls.variant)
        (one, *more) = lowered if isinstance(lowered, list) else [lowered]
        if first == end or more:
            return None
        begins = {op.outputs[0]: first} if first else {}
        found.append(
            msgspec.structs.replace(
                one,
                operator=op,
                inputs=[op.inputs[0]],
                output=op.outputs[0],
                overlaps={},
                begins=begins,
                whole=(op.inputs[0], op.outputs[0]),
            )
        )
    return found


def _some_channels(graph: Graph, op: Operator, first: int, end: int) -> tuple[Graph, Operator]:
    """Return a graph that has some channels of a layer as one of its own, and the layer."""
    tensors = list(graph.tensors)

    def cut(tensor: Tensor, axis: int) -> int:
        shape = tuple(end - first if at == axis else n for at, n in enumerate(tensor.shape))
        data, scales, zero_points = tensor.data, tensor.scales, tensor.zero_points
        if data is not None:
            each_b = len(data) // tensor.shape[axis]
            data = data[first * each_b : end * each_b]
        if len(scales) == tensor.shape[axis] and tensor.data is not None:
            scales, zero_points = scales[first:end], zero_points[first:end]
        tensors.append(
            msgspec.structs.replace(
                tensor, index=len(tensors), shape=shape, data=data, scales=scales,
                zero_points=zero_points,
            )
        )  # fmt: skip
        return len(tensors) - 1

    target = graph.tensors[op.outputs[0]]
    constants = [cut(graph.tensors[i], 0) if i >= 0 else i for i in op.inputs[1:]]
    own = msgspec.structs.replace(
        op,
        inputs=(op.inputs[0], *constants),
        outputs=(cut(target, len(target.shape) - 1),),
    )
    return msgspec.structs.replace(graph, tensors=tuple(tensors)), own
