"""Pruned layers made good by inputs without labels: ADMM and least squares, layer by layer.

Ref: Boyd et al., Distributed Optimization and Statistical Learning via ADMM, 2011, section 9.1;
Zhang et al., A Systematic DNN Weight Pruning Framework using ADMM, arXiv 1804.03294.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinybench.models.compiler.graph import Graph, Operator
from tinybench.models.training.sparse import Prune

from ..host_engine import Bytes, Loaded, build, load, patch
from ..layers.layer import MOST, biases, changed, with_layer
from ..layers.reads import enough, read_by, rows_of
from ..subject import Subject
from .pruned import Floats

ROUNDS = 20
"""Of ADMM."""
RHO = 0.1
"""Its penalty to begin with, of the mean square of an input; it grows by GROWTH each round."""
GROWTH = 1.2
RIDGE = 1e-3
"""Of the mean square of an input: holds weights that the inputs do not tell where they were.

Of .1, the convolutions of `kws` have .707 right in blocks of 32 rows at 2x, not .747.
"""
STEPS, TINY = 30, 1e-300
"""Of conjugate gradients; and what is no divisor."""


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


def whole_of(of: Subject, tensors: list[int], loaded: Loaded) -> Whole:
    """Return what layers give to a subject, by the tensors of their weights; `loaded`: its library.

    Raises BenchError.
    """
    graph, found = of.graph, Whole(enough(of, tensors).inputs, {}, {})
    patch(loaded, graph)
    for op in changed(graph, tensors):
        rows = rows_of(graph, op, found.inputs)
        parts = read_by(graph, op, loaded, found.inputs, rows)
        matrix, bias = _matrix(graph, op), biases(graph, op)
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
    for op in changed(of.graph, tensors):
        parts = read_by(found, op, loaded, whole.inputs, whole.rows[op.index])
        before = np.column_stack([_matrix(of.graph, op), biases(of.graph, op)])
        squares = _squares(parts, whole.sums[op.index], before)
        fitted = _fitted(squares, before, functools.partial(prune, op.inputs[1]))
        weights = np.clip(np.rint(fitted[:, :-1]), -MOST, MOST).astype(np.int8)
        found = with_layer(found, op, weights, fitted[:, -1])
        if not patch(loaded, found):  # as where a scale needs another kernel
            loaded = load(build(found, of.interface, of.model_id), folder, next(whole.numbers))
    return found


def _matrix(graph: Graph, op: Operator) -> Floats:
    tensor = graph.tensors[op.inputs[1]]
    data = np.frombuffer(tensor.data or b"", np.int8)
    return data.reshape(tensor.shape[0], -1).astype(np.float64)


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
