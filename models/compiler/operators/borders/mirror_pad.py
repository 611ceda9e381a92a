"""MIRROR_PAD: a border of what lies inside, mirrored."""

import itertools

from tinybench.errors import ModelError

from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ...strides import dense
from ..moves import TYPES, moved, source_of
from . import sides

REFLECT, SYMMETRIC = 0, 1
"""Whether what lies at the edge comes once, or twice."""


def _lower(graph: Graph, op: Operator, _variant: Variant) -> list[Step]:
    source_of(graph, op, (2,))
    source, target, borders = sides(graph, op)
    mode = op.options["Mode"]
    if mode not in (REFLECT, SYMMETRIC):
        raise ModelError(f"mode {mode} is not supported")
    once = int(mode == REFLECT)
    pieces = list[list[tuple[int, int, int, int]]]()
    for (before, after), size in zip(borders, source.shape, strict=True):
        if max(before, after) > size - once:
            raise ModelError(f"a border of {max(before, after)} beside {size}")
        # Where it is read, in which direction, how much of it, and where it is written.
        parts = [
            (before - 1 + once, -1, before, 0),
            (0, 1, size, before),
            (size - 1 - once, -1, after, before + size),
        ]
        pieces.append([part for part in parts if part[2]])
    steps = list[Step]()
    inner, outer = dense(source.shape), dense(target.shape)
    for box in itertools.product(*pieces):
        reads = sum(part[0] * step for part, step in zip(box, inner, strict=True))
        writes = sum(part[3] * step for part, step in zip(box, outer, strict=True))
        strides = [part[1] * step for part, step in zip(box, inner, strict=True)]
        shape = [part[2] for part in box]
        steps.append(
            moved(op, source, target, shape, reads=(reads, strides), writes=(writes, outer))
        )
    return steps


KIND = Kind(options="MirrorPadOptions", fields=("Mode",), types=TYPES, lower=_lower)
