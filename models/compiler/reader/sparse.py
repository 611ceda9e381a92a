"""Unpack sparse constants: each dimension is dense, or has segments of indices."""

from typing import Any

import numpy as np
import tflite

from tinybench.errors import ModelError

from .vectors import ints, vector

MOST = 1 << 22
"""Elements: it bounds the work that a damaged file can ask for."""
_VECTORS = {
    tflite.SparseIndexVector.Int32Vector: tflite.Int32Vector,
    tflite.SparseIndexVector.Uint16Vector: tflite.Uint16Vector,
    tflite.SparseIndexVector.Uint8Vector: tflite.Uint8Vector,
}


def unpacked(sparsity: Any, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return what a sparse tensor holds, zeros included, in its shape.

    Raises ValueError where its tables do not fit, and ModelError where it is too large.
    Ref: SparsityParameters in the TensorFlow Lite schema; blocks are inner dimensions.
    """
    count = int(np.prod(shape, dtype=np.int64))
    if count > MOST:
        raise ModelError(f"a sparse tensor of {count} elements; {MOST} are the most")
    order, blocks = ints(sparsity, "TraversalOrder"), ints(sparsity, "BlockMap")
    levels = sparsity.DimMetadataLength()
    if levels != len(order) or sorted(order) != list(range(len(shape) + len(blocks))):
        raise ValueError(f"a sparse tensor's order {list(order)} of {levels} dimensions")
    if not all(0 <= dimension < len(shape) for dimension in blocks):
        raise ValueError(f"a sparse tensor's blocks {list(blocks)}")
    places = [np.zeros(1, np.int64)] * levels
    sizes = [1] * levels
    nodes = 1
    for level in range(levels):
        parents, within, sizes[level] = _children(sparsity.DimMetadata(level), nodes, count)
        places[:level] = [place[parents] for place in places[:level]]
        places[level] = within
        nodes = len(within)
    if nodes != len(values):
        raise ValueError(f"a sparse tensor of {nodes} values holds {len(values)}")
    whole = np.zeros(shape, values.dtype)
    at = [np.zeros(nodes, np.int64)] * len(shape)
    for outer in (True, False):  # blocks are counted inside what they are part of
        for level, dimension in enumerate(order):
            if (dimension < len(shape)) == outer:
                axis = dimension if outer else blocks[dimension - len(shape)]
                at[axis] = at[axis] * (1 if outer else sizes[level]) + places[level]
    for axis, size in enumerate(shape):
        if nodes and (at[axis].min() < 0 or at[axis].max() >= size):
            raise ValueError(f"a sparse tensor's index is outside of {list(shape)}")
    whole[tuple(at)] = values
    return whole


def _children(metadata: Any, nodes: int, most: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the parent of each node of a level, its place there, and how many places there are."""
    if metadata.Format() == tflite.DimensionType.DENSE:
        size = metadata.DenseSize()
        if not 0 < size * nodes <= most:
            raise ValueError(f"a sparse tensor's dimension of {size}")
        return np.repeat(np.arange(nodes), size), np.tile(np.arange(size), nodes), size
    segments, indices = (_indices(metadata, what) for what in ("ArraySegments", "ArrayIndices"))
    counts = np.diff(segments)
    fits = len(counts) == nodes and (counts >= 0).all() and segments[0] == 0
    if not fits or segments[-1] != len(indices) or len(indices) > most:
        raise ValueError(f"a sparse tensor's segments of {len(indices)} indices")
    return np.repeat(np.arange(nodes), counts), indices, 1


def _indices(metadata: Any, what: str) -> np.ndarray:
    table, kind = getattr(metadata, what)(), getattr(metadata, f"{what}Type")()
    if table is None or kind not in _VECTORS:
        raise ValueError("a sparse tensor has no indices")
    reader = _VECTORS[kind]()
    reader.Init(table.Bytes, table.Pos)
    return np.array(vector(reader, "Values"), np.int64)
