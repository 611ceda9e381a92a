"""STRIDED_SLICE: every so many along each axis, from a begin to an end.

Ref: tensorflow/lite/kernels/internal/strided_slice_logic.h, and for new axes and an ellipsis
tensorflow/lite/kernels/strided_slice.cc.
"""

from collections.abc import Mapping, Sequence

from tinybench.errors import ModelError

from ...checks import numbers
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ...strides import dense
from . import TYPES, moved, source_of

FIELDS = ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask")


def spans(
    shape: Sequence[int],
    begins: Sequence[int],
    ends: Sequence[int],
    steps: Sequence[int],
    masks: Mapping[str, int],
) -> tuple[list[range], list[int]]:
    """Return which places of each axis are taken, and the shape of what they are."""
    said = f"begins {list(begins)}, ends {list(ends)}, steps {list(steps)}, for {list(shape)}"
    if not len(begins) == len(ends) == len(steps) or 0 in steps:
        raise ModelError(said)
    places, after = list[range](), list[int]()
    new = sum(masks["NewAxisMask"] >> i & 1 for i in range(len(begins)))
    whole_axes = len(shape) - (len(begins) - new)
    ellipsis = next((i for i in range(len(begins)) if masks["EllipsisMask"] >> i & 1), None)
    for i, (begin, end, step) in enumerate(zip(begins, ends, steps, strict=True)):
        if i == ellipsis:
            whole_axes += 1
            after += shape[len(places) : len(places) + whole_axes]
            places += [range(n) for n in shape[len(places) : len(places) + whole_axes]]
            continue
        if masks["NewAxisMask"] >> i & 1:
            after.append(1)
            continue
        if len(places) == len(shape):
            raise ModelError(said)
        found = _span(shape[len(places)], (begin, end, step), i, masks)
        if not found:
            raise ModelError(f"nothing is left of axis {len(places)} of {list(shape)}: {said}")
        if not masks["ShrinkAxisMask"] >> i & 1:
            after.append(len(found))
        places.append(found)
    rest = shape[len(places) :]
    if whole_axes < 0 or (rest and ellipsis is not None):
        raise ModelError(said)
    return [*places, *(range(n) for n in rest)], [*after, *rest]


def _span(whole: int, three: tuple[int, int, int], axis: int, masks: Mapping[str, int]) -> range:
    """Return the places along one axis; none where it begins outside and is shrunk."""
    begin, end, step = three
    no_begin, no_end, shrunk = (masks[name] >> axis & 1 for name in FIELDS[:2] + FIELDS[4:])
    if shrunk:
        first = 0 if no_begin else begin + whole if begin < 0 else begin
        return range(first, first + 1) if 0 <= first < whole else range(0)
    return range(*slice(None if no_begin else begin, None if no_end else end, step).indices(whole))


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_of(graph, op, (4,)), graph.tensors[op.outputs[0]]
    begins, ends, steps = (numbers(graph.tensors[i], "begins, ends, steps") for i in op.inputs[1:])
    masks = {name: int(op.options[name]) for name in FIELDS}
    places, wanted = spans(source.shape, begins, ends, steps, masks)
    if tuple(wanted) != target.shape:
        raise ModelError(f"gives the shape {wanted}, but {target} is {list(target.shape)}")
    stride = dense(source.shape)
    start = sum(found[0] * step for found, step in zip(places, stride, strict=True))
    strides = [n * found.step for n, found in zip(stride, places, strict=True)]
    return moved(op, source, target, [len(found) for found in places], reads=(start, strides))


KIND = Kind(options="StridedSliceOptions", fields=FIELDS, types=TYPES, lower=_lower)
