"""What is computed of constants alone: weights that are kept smaller than they are used."""

import msgspec
import numpy as np

from ..graph import Graph, Operator, Tensor

_DTYPES = {"FLOAT16": "<f2", "INT8": "i1"}


def fold(graph: Graph) -> Graph:
    """Return the graph with dequantised constants as constants of floats."""
    tensors, kept = list(graph.tensors), list[Operator]()
    for op in graph.operators:
        values = _dequantised(op, graph)
        if values is None:
            kept.append(op)
        else:
            (index,) = op.outputs
            tensors[index] = msgspec.structs.replace(tensors[index], data=values.tobytes())
    return msgspec.structs.replace(graph, tensors=tuple(tensors), operators=tuple(kept))


def _dequantised(op: Operator, graph: Graph) -> np.ndarray | None:
    """Return the floats that a DEQUANTIZE makes of a constant; None where it makes none."""
    ends = (*op.inputs, *op.outputs)
    if op.name != "DEQUANTIZE" or len(ends) != 2 or -1 in ends or ends[1] in graph.outputs:
        return None
    source, target = (graph.tensors[i] for i in ends)
    dtype = _DTYPES.get(source.type)
    if source.data is None or dtype is None or target.type != "FLOAT32":
        return None
    if source.elements != target.elements or len(source.data) != source.size_b:
        return None
    values = np.frombuffer(source.data, dtype).reshape(source.shape).astype(np.float32)
    return values if source.type == "FLOAT16" else _scaled(values, source)


def _scaled(values: np.ndarray, source: Tensor) -> np.ndarray | None:
    """Return the real numbers of int8 with one scale, or one a channel."""
    count = len(source.scales)
    if count == 0 or len(source.zero_points) != count:
        return None
    shape = [1] * len(source.shape)
    if count > 1:
        if not 0 <= source.axis < len(shape) or source.shape[source.axis] != count:
            return None
        shape[source.axis] = count
    scales = np.array(source.scales, np.float32).reshape(shape if shape else ())
    zeros = np.array(source.zero_points, np.float32).reshape(shape if shape else ())
    return (values - zeros) * scales
