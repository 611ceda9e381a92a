"""LOGICAL_NOT: what is false becomes true, and the other way round."""

import numpy as np

from ...checks import check_shape, source_and_target
from ...graph import Graph, Operator
from ...step import Constant, Kind, Step, Variant, call_on_one


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_and_target(graph, op)
    check_shape(target, source.shape)
    values = np.zeros(256, np.int8)
    values[0] = 1
    table = Constant("table", "int8_t", values, 256, table=True)
    fields = {"count": target.elements}
    return call_on_one(
        "elementwise.h", op, "look_up", source, target, fields, [table], in_place=True
    )


KIND = Kind(types=("BOOL",), lower=_lower)
