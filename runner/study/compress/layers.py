"""The fully connected layers of a model with weights in less flash, fitted to what they gave."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinybench.models.compiler.graph import Graph

from ..host_engine import Loaded
from ..layers.layer import MOST, Floats, Layer, biases, with_layer
from ..layers.reads import enough, read_by, rows_of
from ..subject import Subject
from .asked import BITS, DENSE, Way
from .compress_c import Named
from .robe import Robe
from .tied import IntNet, Net, Shapes, Ties, palettised, pruned, ties_of, untied

ROUNDS = 30
"""Of conjugate gradients."""
RIDGE = 0.1
"""Of the mean square of an input: holds weights that the inputs do not tell where they were.

Of .001, as where each weight is fitted by itself, `kws --layers` has .607 right by ROBE at 4x, not
.740, and .707 pruned at 4x, not .827.
"""
TINY = 1e-30


@dataclass(frozen=True)
class Read:
    """What a layer reads, in steps from the zero point."""

    mean: Floats
    """[inputs]."""
    squares: Floats
    """[inputs][inputs] around the mean, in units of the variance of what the layer gives."""


def shapes_of(layers: Sequence[Layer]) -> Shapes:
    """Return the shapes of no table, and of the layers."""
    return (0, 1), *((len(one.values), one.values.shape[1]) for one in layers)


def moments_of(of: Subject, layers: Sequence[Layer], loaded: Loaded) -> list[Read]:
    """Return what each layer reads of a subject; `loaded` is the library of its model.

    Raises BenchError.
    """
    inputs, found = enough(of, [one.tensor for one in layers]).inputs, list[Read]()
    for one in layers:
        rows = rows_of(of.graph, one.op, inputs)
        read = np.concatenate([*read_by(of.graph, one.op, loaded, inputs, rows)])
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
    for layer, one, place in zip(layers, read, of.net.ties.places[1:], strict=True):
        whole = of.net.entries[place]
        lost = (layer.values.astype(np.float64) - whole) @ one.mean
        graph = with_layer(graph, layer.op, whole, biases(graph, layer.op) + lost)
    return graph
