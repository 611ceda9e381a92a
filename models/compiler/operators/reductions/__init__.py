"""Operators that make one value of all along some axes."""

import math

import msgspec

from tinybench.errors import ModelError

from ...checks import activation, axis_of, check_same_quantisation, inputs, numbers
from ...fixed_point import INT8_MAX, INT8_MIN, INT32_MAX, quantised_multiplier
from ...floats import one_input
from ...graph import Graph, Operator, Tensor
from ...step import Kind, Lower, Step, Variant
from ...strides import array_fields, collapse, dense
from ..int16 import check_symmetric
from ..int16 import one_input as wide_input

RANK = 3
OPTIONS = "ReducerOptions"
FIELDS = ("KeepDims",)


def _loops(graph: Graph, op: Operator) -> tuple[Tensor, Tensor, int, dict[str, int]]:
    """Return input, output, how many values make one, and the fields of the loops."""
    first, axes = inputs(graph, op, (2,))
    source, target = activation(first), graph.tensors[op.outputs[0]]
    reduced = {axis_of(axis, source) for axis in numbers(axes, "axes")}
    kept = [i for i in range(len(source.shape)) if i not in reduced]
    wanted = [
        1 if i in reduced else n
        for i, n in enumerate(source.shape)
        if i not in reduced or op.options["KeepDims"]
    ]
    if tuple(wanted) != target.shape:
        raise ModelError(f"gives the shape {wanted}, but {target} is {list(target.shape)}")
    fields: dict[str, int] = {}
    stride = dense(source.shape)
    for name, axis_list in (("kept", kept), ("reduced", sorted(reduced))):
        shape, (steps,) = collapse(
            [source.shape[i] for i in axis_list], [[stride[i] for i in axis_list]], RANK
        )
        fields |= array_fields(name, shape) | array_fields(f"{name}_stride", steps)
    return source, target, math.prod(source.shape[i] for i in reduced), fields


def _step(
    op: Operator, function: str, source: Tensor, target: Tensor, fields: dict[str, int]
) -> Step:
    return Step(
        operator=op,
        function=function,
        header="reduce.h",
        fields=fields,
        constants=[],
        inputs=[source.index],
        output=target.index,
    )


def _float(function: int, mean: bool = False) -> Lower:
    """Return what lowers it for floats, by its number in floats.h."""

    def lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
        source, target, count, fields = _loops(graph, op)
        fields |= {"function": function, "count": count if mean else 1}
        return one_input(op, "reduce_float32", source, target, fields)

    return lower


def total(mean: bool) -> Kind:
    """Return the kind of a sum, or of a mean.

    Ref: QuantizedMeanOrSum in tensorflow/lite/kernels/internal/reference/reduce.h.
    """

    def fields_of(graph: Graph, op: Operator, steps: int) -> tuple[Tensor, Tensor, dict[str, int]]:
        """Return both ends and the fields; `steps` lie between the least and greatest value."""
        source, target, count, fields = _loops(graph, op)
        multiplier, shift = quantised_multiplier(source.scale / target.scale)
        if mean:
            halvings = min(count.bit_length() - 1, 32, 31 + shift)
            multiplier = (multiplier << halvings) // count
            shift -= halvings
        reach = steps * count
        if reach > INT32_MAX or reach << max(shift, 0) > INT32_MAX or shift < -31:
            raise ModelError(
                f"a sum of {count} values, their scales {source.scale / target.scale:.3g} to one, "
                "is more than 32 bits hold"
            )
        fields |= {
            "in_offset": -source.zero_point * count,
            "multiplier": multiplier,
            "shift": shift,
            "out_offset": target.zero_point,
        }
        return source, target, fields

    def lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
        return _step(op, "sum_over", *fields_of(graph, op, 255))

    def wide(graph: Graph, op: Operator, _variant: Variant) -> Step:
        source, target, fields = fields_of(graph, op, 1 << 15)
        check_symmetric(source, target)
        step = wide_input(op, "sum_over_int16", source, target, fields)
        return msgspec.structs.replace(step, parameters="sum_over")

    by_type = {"FLOAT32": _float(0, mean), "INT16": wide}
    return Kind(options=OPTIONS, fields=FIELDS, lower=lower, by_type=by_type)


def extreme(least: bool) -> Kind:
    """Return the kind of the greatest value, or of the least."""

    def lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
        source, target, _, fields = _loops(graph, op)
        check_same_quantisation(source, target)
        fields |= {"first": INT8_MAX if least else INT8_MIN, "least": int(least)}
        return _step(op, "extreme_over", source, target, fields)

    by_type = {"FLOAT32": _float(2 if least else 1)}
    return Kind(options=OPTIONS, fields=FIELDS, lower=lower, by_type=by_type)


def truth(every: bool) -> Kind:
    """Return the kind of whether all are true, or whether one is."""

    def lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
        source, target, _, fields = _loops(graph, op)
        fields |= {"first": int(every), "least": int(every)}
        return _step(op, "extreme_over", source, target, fields)

    return Kind(options=OPTIONS, fields=FIELDS, types=("BOOL",), lower=lower)


def extreme_place(least: bool) -> Kind:
    """Return the kind of where the greatest value is, or the least."""

    def lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
        first, axes = inputs(graph, op, (2,))
        source, target = activation(first), graph.tensors[op.outputs[0]]
        if source.type not in ("INT8", "FLOAT32") or target.type != "INT32":
            raise ModelError(f"{source.type} into {target.type}; INT8 and FLOAT32 into INT32 are "
                             "supported")  # fmt: skip
        found = numbers(axes, "axis")
        if len(found) != 1:
            raise ModelError(f"has {len(found)} axes; 1 is needed")
        axis = axis_of(found[0], source)
        if target.elements * source.shape[axis] != source.elements:
            raise ModelError(f"{list(source.shape)} along axis {axis} into {list(target.shape)}")
        fields = {
            "outer": math.prod(source.shape[:axis]),
            "count": source.shape[axis],
            "inner": math.prod(source.shape[axis + 1 :]),
            "least": int(least),
        }
        if source.type == "INT8":
            return _step(op, "arg_max", source, target, fields)
        step = one_input(op, "arg_max_float32", source, target, fields)
        return msgspec.structs.replace(step, parameters="arg_max")

    return Kind(types=("INT8", "FLOAT32", "INT32"), lower=lower)
