"""What layers read of a task's inputs: as much of it as weights are fitted to."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from tinybench.models.compiler.graph import Graph, Operator

from ..host_engine import Bytes, Loaded, written
from ..subject import Subject
from .columns import Places, columns_of, pixels_of
from .layer import Floats, changed

ROWS_MOST, INPUTS_LEAST = 20_000, 100
"""Rows (pixels) that a layer is fitted to, drawn from those of so many inputs or more."""
AT_A_TIME = 2000
"""Of these rows."""


def enough(of: Subject, tensors: Sequence[int]) -> Subject:
    """Return as many uploads, one in so many, as it takes to fit layers, by their weights' tensors.

    Its count is what layers are fitted to, as people count it.
    """
    pixels = max((pixels_of(of.graph, op) for op in changed(of.graph, tensors)), default=1)
    every = len(of.inputs)
    count = min(every, max(INPUTS_LEAST, ROWS_MOST // pixels))
    which = np.arange(count) * every // count
    samples, owners = np.unique(of.owners[which], return_inverse=True)
    return replace(
        of,
        inputs=of.inputs[which],
        owners=owners,
        labels=tuple(of.labels[n] for n in samples),
        expected=tuple(of.expected[n] for n in samples) if of.expected else (),
    )


def rows_of(graph: Graph, op: Operator, inputs: Bytes) -> Places:
    """Return which rows of all that a layer reads of inputs it is fitted to: drawn ones."""
    count = len(inputs) * pixels_of(graph, op)
    return np.random.default_rng(op.index).permutation(count)[:ROWS_MOST]


def read_by(
    graph: Graph, op: Operator, loaded: Loaded, inputs: Bytes, rows: Places
) -> Iterator[Floats]:
    """Yield rows that a layer reads, [rows][inputs], in steps from their zero point, part by part.

    `rows`: as of `rows_of`; `loaded`: the library of the graph. Raises BenchError.
    """
    read = written(loaded, graph, inputs, op.inputs[0])
    for at in range(0, len(rows), AT_A_TIME):
        part = columns_of(graph, op, read, rows[at : at + AT_A_TIME]).astype(np.float64)
        yield part - graph.tensors[op.inputs[0]].zero_point
