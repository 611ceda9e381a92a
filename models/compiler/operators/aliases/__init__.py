"""Operators that give the same memory another name."""

from tinybench.errors import ModelError

from ...checks import activation, check_same_quantisation
from ...graph import WIDTHS_B, Graph, Operator
from ...step import Kind, Step, Variant


def alias(graph: Graph, op: Operator, _variant: Variant) -> Step:
    """Return the step of an operator that gives its input another shape."""
    if len(op.inputs) != 1 or len(op.outputs) != 1 or -1 in (*op.inputs, *op.outputs):
        raise ModelError(f"has no input, or {len(op.outputs)} outputs")
    source, target = activation(graph.tensors[op.inputs[0]]), graph.tensors[op.outputs[0]]
    if source.elements != target.elements or source.type != target.type:
        raise ModelError(
            f"{source.type} of {list(source.shape)} does not hold as many as {target.type} of "
            f"{list(target.shape)}"
        )
    if source.scales or target.scales:
        check_same_quantisation(source, target)
    return Step(
        operator=op,
        function="",
        fields={},
        constants=[],
        inputs=[source.index],
        output=target.index,
    )


ALIAS = Kind(types=tuple(WIDTHS_B), reads=1, lower=alias)
