"""SHIFT_IN: a row comes to the end of a state, whose first one goes; no .tflite has it."""

from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from . import TYPES


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    row, state = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    return Step(
        operator=op,
        function="shift_in",
        header="move.h",
        fields={"row_b": row.size_b, "kept_b": state.size_b - row.size_b},
        constants=[],
        inputs=[row.index],
        output=state.index,
    )


KIND = Kind(types=TYPES, lower=_lower, as_they_are=True)
