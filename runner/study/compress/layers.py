"""The fully connected layers of a model with weights in less flash, fitted to what they gave."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from tinybench.models.compiler.graph import Graph

from ..host_engine import Bytes, Loaded, written
from .asked import BITS, DENSE, Way
from .compress_c import Named
from .robe import Robe
from .tied import MOST, Int8, IntNet, Net, Shapes, Ties, palettised, pruned, ties_of, untied

ROUNDS = 30
"""Of conjugate gradients."""
RIDGE = 0.1
"""Of the mean square of an input: holds weights that the inputs do not tell where they were."""
INPUTS_MOST, ROWS_MOST = 2000, 20_000
"""Inputs that layers are fitted to, spread over all, and rows of these that a layer reads."""
TINY = 1e-30
BIAS_MOST = (1 << 31) - 1
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """A fully connected layer of int8."""

    name: str
    values: Int8
    """[outputs][inputs]."""
    tensor: int
    """Of the weights ..."""
    source: int
    """... of what it reads ..."""
    bias: int
    """... and of the biases; -1 without."""


@dataclass(frozen=True)
class Read:
    """What a layer reads, in steps from the zero point."""

    mean: Floats
    """[inputs]."""
    squares: Floats
    """[inputs][inputs] around the mean, in units of the variance of what the layer gives."""


def layers_of(graph: Graph) -> tuple[list[Layer], list[str]]:
    """Return the layers whose weights can be kept otherwise, and why others cannot."""
    found, without = list[Layer](), list[str]()
    used = Counter(index for op in graph.operators for index in op.inputs)
    for op in graph.operators:
        if op.name != "FULLY_CONNECTED":
            continue
        source, tensor = (graph.tensors[index] for index in op.inputs[:2])
        bias = op.inputs[2] if len(op.inputs) > 2 else -1
        name = f"{op.index} {'x'.join(map(str, tensor.shape))}"
        if tensor.data is None or tensor.type != "INT8":
            without.append(f"{name}: its weights are no int8 constants")
        elif source.type != "INT8":
            without.append(f"{name}: its inputs are {source.type}, not INT8")
        elif used[tensor.index] > 1 or (bias >= 0 and used[bias] > 1):
            without.append(f"{name}: its weights or biases are those of another layer, too")
        elif bias >= 0 and graph.tensors[bias].data is None:
            without.append(f"{name}: its biases are no constants")
        else:
            values = np.frombuffer(tensor.data, np.int8).reshape(tensor.shape[0], -1)
            found.append(Layer(name, values, tensor.index, source.index, bias))
    return found, without


def shapes_of(layers: Sequence[Layer]) -> Shapes:
    """Return the shapes of no table, and of the layers."""
    return (0, 1), *((len(one.values), one.values.shape[1]) for one in layers)


def read_by(graph: Graph, layers: Sequence[Layer], inputs: Bytes, loaded: Loaded) -> list[Read]:
    """Return what each layer reads of inputs [inputs][bytes]; `loaded` is the library of the graph.

    Raises BenchError.
    """
    count, found = min(len(inputs), INPUTS_MOST), list[Read]()
    some = inputs[np.arange(count) * len(inputs) // count]
    for one in layers:
        steps = written(loaded, graph, some, one.source).reshape(-1, one.values.shape[1])
        steps = steps[:: -(-len(steps) // ROWS_MOST)]
        read = steps.astype(np.float64) - graph.tensors[one.source].zero_point
        mean, whole = read.mean(axis=0), one.values.astype(np.float64)
        squares = (read - mean).T @ (read - mean) / len(read)
        squares += (RIDGE * squares.diagonal().mean() + TINY) * np.eye(len(squares))
        variance = float(np.einsum("oi,ij,oj->", whole, squares, whole, optimize=True)) / len(whole)
        found.append(Read(mean, squares / (variance or 1.0)))
    return found


def kept(layers: Sequence[Layer], way: Way, shared: Robe | None, read: Sequence[Read]) -> Named:
    """Return the weights of all layers as a way keeps them, in the layers' own steps of int8.

    What is kept is fitted to all sums of all layers together, by least squares.
    """
    (method, rate), shapes = way, shapes_of(layers)
    whole = np.concatenate([one.values.ravel() for one in layers]).astype(np.float64)
    net = Net(untied(shapes), whole, (np.zeros(0), np.zeros(0)), (1.0, 1.0, 1.0))
    if method == "palette":
        net = palettised(net, BITS[rate])
    elif method == "prune":
        net = pruned(net, rate)
    ties = net.ties if shared is None else ties_of(shared, shapes)
    entries = whole if method == DENSE else _fitted(layers, ties, read)
    steps = np.clip(np.rint(entries), -MOST - (method == DENSE), MOST).astype(np.int8)
    none = np.zeros(0, np.int32)
    return Named(method, IntNet(ties, steps, (none, none), 0, 1), shared)


def _fitted(layers: Sequence[Layer], ties: Ties, read: Sequence[Read]) -> Floats:
    """Return the entries by which layers give most nearly what they gave: conjugate gradients.

    They begin as the means of the weights that they stand for.
    """
    places, count = ties.places[1:], len(ties.groups)
    wanted = [one.values.astype(np.float64) for one in layers]

    def summed(parts: Sequence[Floats]) -> Floats:
        found = np.zeros(count)
        for place, part in zip(places, parts, strict=True):
            found += np.bincount(place.ravel(), part.ravel(), count)
        found[count - ties.zeros :] = 0
        return found

    def through(parts: Sequence[Floats]) -> Floats:
        return summed([part @ one.squares for part, one in zip(parts, read, strict=True)])

    uses = summed([np.ones(one.shape) for one in wanted])
    found = summed(wanted) / np.maximum(uses, 1)
    sizes = summed(
        [
            np.broadcast_to(x.squares.diagonal(), one.shape)
            for one, x in zip(wanted, read, strict=True)
        ]
    )
    sizes = 1 / np.maximum(sizes, TINY)
    rest = through([one - found[place] for one, place in zip(wanted, places, strict=True)])
    way = sizes * rest
    square = float(rest @ way)
    for _ in range(ROUNDS):
        along = through([way[place] for place in places])
        length = square / max(float(way @ along), TINY)
        found, rest = found + length * way, rest - length * along
        before, square = square, float(rest @ (sizes * rest))
        way = sizes * rest + square / max(before, TINY) * way
    return found


def model_with(graph: Graph, layers: Sequence[Layer], of: Named, read: Sequence[Read]) -> Graph:
    """Return a graph with the weights that are kept, and biases that leave the mean sums alone."""
    tensors = list(graph.tensors)
    for layer, one, place in zip(layers, read, of.net.ties.places[1:], strict=True):
        whole = of.net.entries[place]
        tensors[layer.tensor] = msgspec.structs.replace(tensors[layer.tensor], data=whole.tobytes())
        if layer.bias >= 0:
            lost = (layer.values.astype(np.float64) - whole) @ one.mean
            before = np.frombuffer(tensors[layer.bias].data or b"", "<i4")
            data = np.clip(np.rint(before + lost), -BIAS_MOST, BIAS_MOST).astype("<i4").tobytes()
            tensors[layer.bias] = msgspec.structs.replace(tensors[layer.bias], data=data)
    return msgspec.structs.replace(graph, tensors=tuple(tensors))
