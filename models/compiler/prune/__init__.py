"""Leave out what a model computes as constants or for nobody: the same outputs, from less.

A channel whose weights are all zero, or that the clamp holds at one value for every input, is a
constant; its part in the sums of the next layer is a number that joins the biases there. Through a
border of another value it would be several, one for each place: there it stays. A channel that all
who read it multiply by zero is read by nobody. Neither is computed then, nor what leads to it only.

Nothing is rounded, and no output changes: sums lose what is always the same in them and gain it in
their biases, so that none reaches further than it did.
"""

import math
from collections.abc import Mapping

import msgspec
import numpy as np

from tinybench.errors import ModelError

from ..checks import DTYPES
from ..graph import Graph, Operator, Tensor
from ..layer import Convolution
from ..operators import conv_2d, depthwise_conv_2d, fully_connected, kind
from ..step import Variant
from .follow import Apart, Follow, apart, depthwise
from .ranges import Ranges, by_channel, padded, ranges_of

READERS = {
    "CONV_2D": conv_2d.read,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d.read,
    "FULLY_CONNECTED": fully_connected.read,
}


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """The channels of a layer's output that are not computed."""

    index: int
    """Of the operator."""
    operator: str
    channels: int
    """How many it has in the model as given."""
    constant: int
    """Those left out because they are constants ..."""
    unread: int
    """... and those because nobody reads them."""


class Pruned(msgspec.Struct, frozen=True):
    """A graph without what it need not compute."""

    graph: Graph
    removed: list[Removed]
    """Empty where the graph is as it was."""


FEW = 16
"""A tensor that is better whole is so where it would lose less than one channel in so many."""


def prune(graph: Graph, whole: frozenset[int] = frozenset()) -> Pruned:
    """Return a graph that gives the same outputs and computes no constants and nothing unread.

    `graph` is one that can be compiled. `whole`: activations that are computed faster whole than
    with a few channels less. Names, operators and their indices stay; every tensor keeps
    a channel at least, inputs, outputs and states all of theirs.
    """
    layers, others = dict[int, Convolution](), dict[int, Apart]()
    for op in graph.operators:
        try:
            if op.name in READERS:
                layers[op.index] = _layer(graph, op)
            elif (known := _apart(graph, op)) is not None:
                others[op.index] = known
        except ModelError:  # floats, int16, or a batch of images
            continue
    found = ranges_of(graph, layers, others)
    kept = _kept(graph, layers, others, found, frozenset())
    few = frozenset(i for i in whole & kept.keys() if FEW * int((~kept[i]).sum()) < kept[i].size)
    if few:
        kept = _kept(graph, layers, others, found, few)
    if all(channels.all() for channels in kept.values()):
        return Pruned(graph, [])
    removed = [
        Removed(
            index=op.index,
            operator=op.name,
            channels=len(left),
            constant=int((~left & found[op.outputs[0]].constant).sum()),
            unread=int((~left & ~found[op.outputs[0]].constant).sum()),
        )
        for op in graph.operators
        if op.index in layers and not (left := kept[op.outputs[0]]).all()
    ]
    return Pruned(_cut(graph, layers, kept, found), removed)


def _layer(graph: Graph, op: Operator) -> Convolution:
    ends = (graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]])
    if any(tensor.type != "INT8" for tensor in ends):
        raise ModelError("its activations are not of int8")
    conv = READERS[op.name](graph, op)
    whole = op.name == "DEPTHWISE_CONV_2D" or conv.rows.shape[1] % conv.source.shape[-1] == 0
    if not whole or len(conv.rows) != conv.target.shape[-1] or _lasting(graph, op):
        raise ModelError("its rows are no channels of its input or output")
    return conv


def _apart(graph: Graph, op: Operator) -> Apart | None:
    """Return how an operator keeps its channels apart; None where it does not."""
    ends = [graph.tensors[i] for i in (*op.inputs[:1], *op.outputs) if i >= 0]
    if _lasting(graph, op) or any(t.type != "INT8" or t.data is not None for t in ends):
        return None
    steps = kind(op.name).lower(graph, op, Variant("plain"))
    return apart(graph, op, steps[-1] if isinstance(steps, list) else steps)


def _lasting(graph: Graph, op: Operator) -> bool:
    """Whether an operator reads or writes what lasts from one inference to the next."""
    return any(graph.tensors[i].initial is not None for i in (*op.inputs, *op.outputs) if i >= 0)


def _follows(
    op: Operator, layers: Mapping[int, Convolution], others: Mapping[int, Apart]
) -> list[Follow]:
    """Return which channels of an operator's ends belong together."""
    if op.index in others:
        return others[op.index].follows
    if op.name == "DEPTHWISE_CONV_2D" and op.index in layers:
        return [depthwise(layers[op.index].source, layers[op.index].target)]
    return []


# ------------------------------------------------------------------------ which channels are needed


def _kept(
    graph: Graph,
    layers: Mapping[int, Convolution],
    others: Mapping[int, Apart],
    found: Mapping[int, Ranges],
    whole: frozenset[int],
) -> dict[int, np.ndarray]:
    """Return for each activation of int8 which channels are needed, as few as will do."""
    kept = {index: np.zeros(len(each.low), bool) for index, each in found.items()}
    ends = {*graph.inputs, *graph.outputs, *whole}
    for op in graph.operators:
        if op.index not in layers and op.index not in others:
            ends.update(op.inputs, op.outputs)
    for tensor in graph.tensors:
        if tensor.index in kept and (tensor.index in ends or tensor.initial is not None):
            kept[tensor.index][:] = True
    while True:
        _reach(graph, layers, others, found, kept)
        idle = [channels for channels in kept.values() if not channels.any()]
        if not idle:
            return kept
        for channels in idle:
            channels[0] = True


def _reach(
    graph: Graph,
    layers: Mapping[int, Convolution],
    others: Mapping[int, Apart],
    found: Mapping[int, Ranges],
    kept: dict[int, np.ndarray],
) -> None:
    """Add to the needed channels those that they are computed of, until there are no more."""
    read = {
        op.index: _reads(layers[op.index], found[op.inputs[0]])
        for op in graph.operators
        if op.index in layers and op.name != "DEPTHWISE_CONV_2D"
    }
    before = -1
    while before != (before := sum(int(channels.sum()) for channels in kept.values())):
        for op in reversed(graph.operators):
            if op.index in read:
                kept[op.inputs[0]] |= read[op.index][kept[op.outputs[0]]].any(axis=0)
            for each in _follows(op, layers, others):
                source, target = kept[each.source], kept[each.target]
                both = source[each.source_channels] | target[each.target_channels]
                target[each.target_channels] |= both
                np.logical_or.at(source, each.source_channels, both)
                target[each.target_channels] |= source[each.source_channels]


def _reads(conv: Convolution, source: Ranges) -> np.ndarray:
    """Return which channels each output is computed of, [channels out][channels in]."""
    return (by_channel(conv) != 0).any(axis=1) & ~_foldable(conv, source)


def _foldable(conv: Convolution, source: Ranges) -> np.ndarray:
    """Return which channels add the same to every sum of an output."""
    everywhere = source.low == conv.source.zero_point
    if not padded(conv.window):
        everywhere[:] = True
    return source.constant & everywhere


# --------------------------------------------------------------------------------- and the rest cut


def _cut(
    graph: Graph,
    layers: Mapping[int, Convolution],
    kept: Mapping[int, np.ndarray],
    found: Mapping[int, Ranges],
) -> Graph:
    """Return the graph with the channels that are kept."""
    tensors = [
        msgspec.structs.replace(t, shape=(*t.shape[:-1], int(kept[t.index].sum())))
        if t.index in kept and t.data is None
        else t
        for t in graph.tensors
    ]
    operators = list[Operator]()
    for op in graph.operators:
        conv = layers.get(op.index)
        if conv is not None and not (kept[op.inputs[0]].all() and kept[op.outputs[0]].all()):
            constants = _constants(graph, op, conv, kept, found[op.inputs[0]])
            first = len(tensors)
            tensors += [
                msgspec.structs.replace(t, index=first + i) for i, t in enumerate(constants)
            ]
            inputs = (op.inputs[0], *range(first, len(tensors)))
            op = msgspec.structs.replace(op, inputs=inputs)  # noqa: PLW2901
        operators.append(op)
    return msgspec.structs.replace(graph, tensors=tuple(tensors), operators=tuple(operators))


def _constants(
    graph: Graph,
    op: Operator,
    conv: Convolution,
    kept: Mapping[int, np.ndarray],
    source: Ranges,
) -> list[Tensor]:
    """Return a layer's weights and biases for the channels that are kept."""
    rows, columns = kept[conv.target.index], kept[conv.source.index]
    filters = graph.tensors[op.inputs[1]]
    biases = conv.channels.plain[:, 0].copy()
    shape = list(filters.shape)
    if op.name == "DEPTHWISE_CONV_2D":
        shape[-1] = int(rows.sum())
        weights = conv.rows[rows].T
    else:
        weights = by_channel(conv)
        sums = weights.astype(np.int64).sum(axis=1)
        folded = ~columns & source.constant
        biases += sums[:, folded] @ (source.low[folded] - conv.source.zero_point)
        weights = weights[rows][:, :, columns]
        shape[0], shape[-1] = int(rows.sum()), weights[0].size // math.prod(shape[1:-1])
    scales = np.array(filters.scales)
    return [
        msgspec.structs.replace(
            filters,
            shape=tuple(shape),
            scales=tuple(scales[rows].tolist() if len(scales) == len(rows) else scales.tolist()),
            zero_points=(0,),
            data=np.ascontiguousarray(weights, np.int8).tobytes(),
        ),
        Tensor(
            index=-1,
            name=f"biases of {op}",
            type="INT32",
            shape=(int(rows.sum()),),
            scales=(),
            zero_points=(),
            axis=0,
            data=biases[rows].astype(DTYPES["INT32"]).tobytes(),
        ),
    ]
