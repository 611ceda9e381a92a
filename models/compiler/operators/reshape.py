"""RESHAPE: the same memory by another name."""

from tinybench.errors import ModelError

from ..checks import activation, check_same_quantisation, inputs
from ..graph import Graph, Operator
from ..step import Kind, Step, Variant


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source = activation(inputs(graph, op, (1, 2))[0])
    target = graph.tensors[op.outputs[0]]
    if source.elements != target.elements:
        raise ModelError(f"{list(source.shape)} does not hold as many as {list(target.shape)}")
    check_same_quantisation(source, target)
    return Step(
        operator=op,
        function="",
        fields={},
        constants=[],
        inputs=[source.index],
        output=target.index,
    )


KIND = Kind(lower=_lower)
