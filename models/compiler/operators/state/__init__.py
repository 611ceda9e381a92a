"""Operators of variables: a value is copied out of one, or into it.

Handles and initialisers are resolved when a model is read (reader/variables.py), and call nothing.
"""

from tinybench.errors import ModelError

from ...graph import WIDTHS_B, Graph, Operator
from ...step import Kind, Step, Variant

TYPES = tuple(WIDTHS_B)


def copied(graph: Graph, op: Operator, _variant: Variant) -> Step:
    """Return the copy of a whole tensor."""
    source, target = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    return Step(
        operator=op,
        function="copy_whole",
        header="move.h",
        fields={"size_b": target.size_b},
        constants=[],
        inputs=[source.index],
        output=target.index,
    )


def _nothing(_graph: Graph, op: Operator, _variant: Variant) -> list[Step]:
    raise ModelError(f"{op} is resolved when a model is read")


COPY = Kind(types=TYPES, lower=copied)
RESOLVED = Kind(types=TYPES, lower=_nothing)
