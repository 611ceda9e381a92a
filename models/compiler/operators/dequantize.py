"""DEQUANTIZE: int8, uint8 or int16 becomes floats."""

from tinybench.errors import ModelError

from ..checks import source_and_target
from ..graph import Graph, Operator
from ..step import Kind, Step, Variant
from .int16 import check_symmetric, one_input


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_and_target(graph, op)
    if source.type not in ("INT8", "UINT8", "INT16") or target.type != "FLOAT32":
        raise ModelError(f"{source.type} into {target.type}; INT8, UINT8 and INT16 into "
                         "FLOAT32 are supported")  # fmt: skip
    if source.elements != target.elements:
        raise ModelError(f"{list(source.shape)} in, {list(target.shape)} out")
    if source.type == "INT16":
        check_symmetric(source)
        fields = {"count": target.elements, "scale": float(source.scale)}
        return one_input(op, "dequantize_int16", source, target, fields)
    return Step(
        operator=op,
        function="dequantize",
        header="float32.h",
        fields={
            "count": target.elements,
            "scale": float(source.scale),
            "zero_point": source.zero_point,
            "is_unsigned": int(source.type == "UINT8"),
        },
        constants=[],
        inputs=[source.index],
        output=target.index,
    )


KIND = Kind(types=("INT8", "UINT8", "INT16", "FLOAT32"), lower=_lower)
