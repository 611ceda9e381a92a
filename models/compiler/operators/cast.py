"""CAST: values as another type, cut off."""

from tinybench.errors import ModelError

from ..checks import source_and_target
from ..graph import Graph, Operator
from ..step import Kind, Step, Variant

TYPES = {"INT8": 0, "UINT8": 1, "BOOL": 2, "INT16": 3, "INT32": 4, "FLOAT32": 5}


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_and_target(graph, op)
    if source.elements != target.elements:
        raise ModelError(f"{list(source.shape)} in, {list(target.shape)} out")
    return Step(
        operator=op,
        function="cast",
        header="elementwise.h",
        fields={"count": target.elements, "from": TYPES[source.type], "to": TYPES[target.type]},
        constants=[],
        inputs=[source.index],
        output=target.index,
    )


KIND = Kind(types=tuple(TYPES), as_they_are=True, lower=_lower)
