"""PADV2: a border of a constant."""

from ...checks import check_same_quantisation, constant, operand
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from . import source_of
from .pad import padded


def _lower(graph: Graph, op: Operator, _variant: Variant) -> list[Step]:
    source_of(graph, op, (3,))
    value = operand(graph.tensors[op.inputs[2]])
    check_same_quantisation(value, graph.tensors[op.outputs[0]])
    return padded(graph, op, int(constant(value, "INT8", "value").reshape(-1)[0]))


KIND = Kind(lower=_lower)
