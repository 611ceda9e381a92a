"""Comparisons of two tensors, which give 1 or 0, and what chooses by them."""

from tinybench.errors import ModelError

from ...checks import check_quantisation
from ...fixed_point import quantised_multiplier
from ...graph import Graph, Operator, Tensor
from ...step import Kind, Step, Variant
from ..pairs import common_scale, operands, pair_step

EQUAL, NOT_EQUAL, LESS, LESS_EQUAL = range(4)
_TYPES = {"INT8": 0, "INT32": 1, "FLOAT32": 2}


def comparison(how: int, swapped: bool = False) -> Kind:
    """Return the kind of a comparison; `swapped`: of the second value with the first one."""

    def lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
        first, second, target = operands(graph, op)
        if first.type not in _TYPES or target.type != "BOOL":
            raise ModelError(f"{first.type} into {target.type}; INT8, INT32 or FLOAT32 into BOOL "
                             "are supported")  # fmt: skip
        if swapped:
            first, second = second, first
        fields = {"how": how, "type": _TYPES[first.type]}
        if first.type == "INT8":
            for end, tensor in (("first", first), ("second", second)):
                fields |= common_scale(end, tensor, _scaling(tensor))
        return pair_step(op, "compare", (first, second, target), fields)

    return Kind(types=("INT8", "INT32", "FLOAT32", "BOOL"), lower=lower)


def both(every: bool) -> Kind:
    """Return the kind of whether both of two are true, or whether one is."""

    def lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
        return pair_step(op, "extreme", operands(graph, op), {"least": int(every)})

    return Kind(types=("BOOL",), lower=lower)


def _scaling(tensor: Tensor) -> tuple[int, int]:
    check_quantisation(tensor)
    if tensor.scale >= 1:
        raise ModelError(f"{tensor} has the scale {tensor.scale:g}; less than 1 is supported")
    return quantised_multiplier(tensor.scale)
