"""QUANTIZE: floats become int8, or int8 and uint8 another scale."""

from tinybench.errors import ModelError

from ..checks import source_and_target
from ..graph import Graph, Operator
from ..step import Kind, Step, Variant
from .tables import scaling, table_step


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_and_target(graph, op)
    if target.type == "FLOAT32" or (source.type, target.type) in (
        ("UINT8", "UINT8"),
        ("FLOAT32", "UINT8"),
    ):
        raise ModelError(f"{source.type} into {target.type} is not supported")
    if source.elements != target.elements:
        raise ModelError(f"{list(source.shape)} in, {list(target.shape)} out")
    if source.type != "FLOAT32":
        scaled = scaling(source.scale / target.scale)
        return table_step(
            op, source, target, lambda v: target.zero_point + scaled(v - source.zero_point)
        )
    return Step(
        operator=op,
        function="quantize",
        header="float32.h",
        fields={
            "count": target.elements,
            "scale": float(target.scale),
            "zero_point": target.zero_point,
        },
        constants=[],
        inputs=[source.index],
        output=target.index,
    )


KIND = Kind(types=("INT8", "UINT8", "FLOAT32"), lower=_lower)
