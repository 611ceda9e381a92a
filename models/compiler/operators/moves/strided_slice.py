"""STRIDED_SLICE: every so many along each axis, from a begin to an end.

Ref: tensorflow/lite/kernels/internal/strided_slice_logic.h.
"""

from tinybench.errors import ModelError

from ...checks import numbers
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ...strides import dense
from . import TYPES, moved, source_of


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_of(graph, op, (4,)), graph.tensors[op.outputs[0]]
    begins, ends, steps = (numbers(graph.tensors[i], "begins, ends, steps") for i in op.inputs[1:])
    if op.options["EllipsisMask"] or op.options["NewAxisMask"]:
        raise ModelError("has an ellipsis or a new axis")
    if not len(begins) == len(ends) == len(steps) == len(source.shape) or 0 in steps:
        raise ModelError(f"begins {begins}, ends {ends}, steps {steps}, for {list(source.shape)}")
    shape, wanted, start = list[int](), list[int](), 0
    stride = dense(source.shape)
    for axis, whole in enumerate(source.shape):
        begin, end, step = begins[axis], ends[axis], steps[axis]
        masks = {name: int(op.options[name]) >> axis & 1 for name in FIELDS}
        taken = slice(
            None if masks["BeginMask"] else begin, None if masks["EndMask"] else end, step
        )
        if masks["ShrinkAxisMask"]:
            first = begin + whole if begin < 0 else begin
            first = 0 if masks["BeginMask"] else first
            if not 0 <= first < whole:
                raise ModelError(f"begin {begin} of axis {axis} of {list(source.shape)}")
            places = range(first, first + 1)
        else:
            places = range(*taken.indices(whole))
            wanted.append(len(places))
        if not places:
            raise ModelError(f"nothing is left of axis {axis} of {list(source.shape)}")
        shape.append(len(places))
        start += places[0] * stride[axis]
    if tuple(wanted) != target.shape:
        raise ModelError(f"gives the shape {wanted}, but {target} is {list(target.shape)}")
    reads = (start, [n * step for n, step in zip(stride, steps, strict=True)])
    return moved(op, source, target, shape, reads=reads)


FIELDS = ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask")
KIND = Kind(options="StridedSliceOptions", fields=FIELDS, types=TYPES, lower=_lower)
