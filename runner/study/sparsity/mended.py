"""Pruned layers made good by inputs without labels: ADMM and least squares, layer by layer.

Ref: Boyd et al., Distributed Optimization and Statistical Learning via ADMM, 2011, section 9.1;
Zhang et al., A Systematic DNN Weight Pruning Framework using ADMM, arXiv 1804.03294.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from tinybench.models.compiler.graph import Graph, Operator, Tensor
from tinybench.models.training.sparse import Prune

from ..host_engine import Bytes, Loaded, build, load, patch, written
from ..subject import Subject
from .columns import columns_of, pixels_of
from .pruned import Floats

ROUNDS = 20
"""Of ADMM."""
RHO = 0.1
"""Its penalty to begin with, of the mean square of an input; it grows by GROWTH each round."""
GROWTH = 1.2
RIDGE = 1e-3
"""Of the mean square of an input: holds weights that the inputs do not tell where they were."""
STEPS, TINY = 30, 1e-300
"""Of conjugate gradients; and what is no divisor."""
ROWS_MOST, INPUTS_LEAST = 20_000, 100
"""Pixels that a layer is fitted to, drawn from those of so many inputs or more."""
AT_A_TIME = 2000
"""Of these pixels."""
MOST = 127
BIAS_MOST = (1 << 31) - 1


@dataclass(frozen=True)
class Squares:
    """What inputs x and wanted sums t of a layer come to: E[x x'] and E[x t']."""

    inputs: Floats
    """[inputs + 1][inputs + 1]: the last input is the bias', 1."""
    wanted: Floats
    """[inputs + 1][outputs]."""


@dataclass(frozen=True)
class Whole:
    """What the layers give that are not pruned: the same for all ways, and found once."""

    inputs: Bytes
    """Those that layers are fitted to ..."""
    rows: dict[int, npt.NDArray[np.intp]]
    """... and which of their pixels, by operator ..."""
    sums: dict[int, Floats]
    """... with what comes of these, [pixels][outputs]."""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1 << 20))
    """Of libraries that are loaded meanwhile: no file of one that is in use is written again."""


def whole_of(graph: Graph, tensors: list[int], inputs: Bytes, loaded: Loaded) -> Whole:
    """Return what layers give, by the tensors of their weights, to inputs; `loaded`: the graph's.

    Raises BenchError.
    """
    found = Whole(enough(graph, tensors, inputs), {}, {})
    patch(loaded, graph)
    for op in _layers(graph, tensors):
        pixels = len(found.inputs) * pixels_of(graph, op)
        rows = np.random.default_rng(op.index).permutation(pixels)[:ROWS_MOST]
        parts = _inputs(graph, op, loaded, found.inputs, rows)
        matrix, bias = _matrix(graph, op), _bias(graph, op)
        found.rows[op.index] = rows
        found.sums[op.index] = np.concatenate([x @ matrix.T + bias for x in parts])
    return found


def mended(
    of: Subject, tensors: list[int], prune: Prune, whole: Whole, first: Loaded, folder: Path
) -> Graph:
    """Return the graph with matrices of weights, by their tensors, pruned and made good.

    Each layer in turn gives, on what the layers before it now write, what it gave: as nearly as
    the weights that are left can. Biases, too, are fitted. `first` is the library of the graph,
    which holds other constants afterwards. Raises BenchError, ModelError and as `build`.
    """
    found, loaded = of.graph, first
    patch(loaded, of.graph)
    for op in _layers(of.graph, tensors):
        parts = _inputs(found, op, loaded, whole.inputs, whole.rows[op.index])
        before = np.column_stack([_matrix(of.graph, op), _bias(of.graph, op)])
        squares = _squares(parts, whole.sums[op.index], before)
        found = _with(found, op, _fitted(squares, before, functools.partial(prune, op.inputs[1])))
        if not patch(loaded, found):  # as where a scale needs another kernel
            loaded = load(build(found, of.interface, of.model_id), folder, next(whole.numbers))
    return found


def enough(graph: Graph, tensors: list[int], inputs: Bytes) -> Bytes:
    """Return as many of the inputs, spread over all, as fitting these layers takes."""
    pixels = 1
    for op in _layers(graph, tensors):
        pixels = max(pixels, pixels_of(graph, op))
    count = min(len(inputs), max(INPUTS_LEAST, ROWS_MOST // pixels))
    return inputs[np.arange(count) * len(inputs) // count]


def _layers(graph: Graph, tensors: list[int]) -> list[Operator]:
    return [op for op in graph.operators if len(op.inputs) > 1 and op.inputs[1] in tensors]


def _matrix(graph: Graph, op: Operator) -> Floats:
    tensor = graph.tensors[op.inputs[1]]
    data = np.frombuffer(tensor.data or b"", np.int8)
    return data.reshape(tensor.shape[0], -1).astype(np.float64)


def _inputs(
    graph: Graph, op: Operator, loaded: Loaded, inputs: Bytes, rows: npt.NDArray[np.intp]
) -> Iterator[Floats]:
    """Yield the inputs of a layer [pixels][inputs], in steps from their zero point, part by part.

    `rows`: which of all its pixels.
    """
    read = written(loaded, graph, inputs, op.inputs[0])
    for at in range(0, len(rows), AT_A_TIME):
        part = columns_of(graph, op, read, rows[at : at + AT_A_TIME]).astype(np.float64)
        yield part - graph.tensors[op.inputs[0]].zero_point


def _bias(graph: Graph, op: Operator) -> Floats:
    tensor = _bias_of(graph, op)
    outputs = graph.tensors[op.inputs[1]].shape[0]
    if tensor is None:
        return np.zeros(outputs)
    return np.frombuffer(tensor.data or b"", "<i4").astype(np.float64)


def _bias_of(graph: Graph, op: Operator) -> Tensor | None:
    index = op.inputs[2] if len(op.inputs) > 2 else -1
    return None if index < 0 else graph.tensors[index]


def _squares(parts: Iterable[Floats], wanted: Floats, before: Floats) -> Squares:
    """Return the sums of a layer's inputs and outputs, which weights as `before` hold a little."""
    inputs, outputs = np.zeros((before.shape[1],) * 2), np.zeros(before.T.shape)
    done = 0
    for x in parts:
        one = np.column_stack([x, np.ones(len(x))])
        inputs += one.T @ one
        outputs += one.T @ wanted[done : done + len(x)]
        done += len(x)
    # The mean square of an input: without the bias', which is the last.
    ridge = RIDGE * float(inputs.diagonal()[:-1].mean()) / done + 1e-9
    return Squares(
        inputs / done + ridge * np.eye(len(inputs)),
        outputs / done + ridge * before.T,
    )


def _fitted(squares: Squares, before: Floats, prune: Callable[[Floats], Floats]) -> Floats:
    """Return weights and biases [outputs][inputs + 1] that are left after pruning.

    ADMM chooses what is left: weights are fitted, drawn to what is left of them, and so on. Then
    those are fitted alone.
    """
    values, vectors = np.linalg.eigh(squares.inputs)
    rho = RHO * float(values.mean())
    kept, dual = _left(prune, before), np.zeros_like(before)
    for _ in range(ROUNDS):
        pulled = squares.wanted + rho * (kept - dual).T
        weights = (vectors @ ((vectors.T @ pulled) / (values + rho)[:, None])).T
        kept = _left(prune, weights + dual)
        dual = (dual + weights - kept) / GROWTH
        rho *= GROWTH
    return _alone(squares, kept)


def _left(prune: Callable[[Floats], Floats], weights: Floats) -> Floats:
    """Return what is left of weights; of the biases, which are the last column, all."""
    return np.column_stack([prune(weights[:, :-1]), weights[:, -1]])


def _alone(squares: Squares, kept: Floats) -> Floats:
    """Fit the weights that are there, by conjugate gradients, each row by itself."""
    there = kept != 0
    there[:, -1] = True
    found = kept.copy()
    rest = (squares.wanted.T - found @ squares.inputs) * there
    way, square = rest.copy(), (rest**2).sum(axis=1, keepdims=True)
    for _ in range(STEPS):
        along = (way @ squares.inputs) * there
        length = square / np.maximum((way * along).sum(axis=1, keepdims=True), TINY)
        found += length * way
        rest -= length * along
        before, square = square, (rest**2).sum(axis=1, keepdims=True)
        way = rest + square / np.maximum(before, TINY) * way
    return found


def _with(graph: Graph, op: Operator, fitted: Floats) -> Graph:
    """Return a graph with other weights and biases of a layer, in its own steps."""
    tensors = list(graph.tensors)
    weights = np.clip(np.rint(fitted[:, :-1]), -MOST, MOST).astype(np.int8)
    one, bias = op.inputs[1], _bias_of(graph, op)
    tensors[one] = msgspec.structs.replace(tensors[one], data=weights.tobytes())
    if bias is not None:
        data = np.clip(np.rint(fitted[:, -1]), -BIAS_MOST, BIAS_MOST).astype("<i4").tobytes()
        tensors[bias.index] = msgspec.structs.replace(bias, data=data)
    return msgspec.structs.replace(graph, tensors=tuple(tensors))
