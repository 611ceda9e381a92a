"""PADV2: a border of a constant."""

from ...checks import DTYPES, check_same_quantisation, constant, operand
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ..moves import source_of
from . import padded


def _lower(graph: Graph, op: Operator, _variant: Variant) -> list[Step]:
    source_of(graph, op, (3,))
    value, target = operand(graph.tensors[op.inputs[2]]), graph.tensors[op.outputs[0]]
    check_same_quantisation(value, target)
    kind = target.type if target.type in DTYPES else "INT8"
    return padded(graph, op, float(constant(value, kind, "value").reshape(-1)[0]))


KIND = Kind(types=("INT8", "INT16", "FLOAT32"), lower=_lower)
