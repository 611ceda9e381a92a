"""BATCH_TO_SPACE_ND: images become every so many pixels of one, which is then cropped."""

from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from . import TYPES, moved, source_of
from .space_to_batch_nd import phases, spread


def _lower(graph: Graph, op: Operator, _variant: Variant) -> list[Step]:
    source, target = source_of(graph, op, (3,)), graph.tensors[op.outputs[0]]
    blocks, borders = spread(graph, op, target, source)
    return [
        moved(op, source, target, shape, reads=reads, writes=writes)
        for shape, writes, reads in phases(target, source, blocks, borders[0], borders[2])
    ]


KIND = Kind(types=TYPES, lower=_lower)
