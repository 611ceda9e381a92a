"""BROADCAST_TO: the same values along dimensions that were one."""

import numpy as np

from tinybench.errors import ModelError

from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ..pairs import stretched
from . import TYPES, moved, source_of


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_of(graph, op, (1,)), graph.tensors[op.outputs[0]]
    try:
        wanted = np.broadcast_shapes(source.shape, target.shape)
    except ValueError:
        wanted = None
    if wanted != target.shape:
        raise ModelError(f"{list(source.shape)} into {list(target.shape)}")
    reads = (0, stretched(source.shape, target.shape))
    return moved(op, source, target, target.shape, reads=reads)


KIND = Kind(types=TYPES, reads=1, lower=_lower)
