"""Operators that move values from one place to another and change none."""

from collections.abc import Sequence

import numpy as np

from tinybench.errors import ModelError

from ...checks import activation, check_same_quantisation
from ...graph import WIDTHS_B, Graph, Operator, Tensor
from ...step import Step
from ...strides import array_fields, collapse, dense

RANK = 5
TYPES = tuple(WIDTHS_B)


def moved(
    op: Operator,
    source: Tensor,
    target: Tensor,
    shape: Sequence[int],
    *,
    reads: tuple[int, Sequence[int]] | None = None,
    writes: tuple[int, Sequence[int]] | None = None,
) -> Step:
    """Return the copy of elements in loops of this shape.

    `reads` and `writes` are where it begins and the strides of the loops, in elements; by default
    one after the other.
    """
    if source.type != target.type:
        raise ModelError(f"{source} is {source.type} and {target} is {target.type}")
    if source.scales or target.scales:
        check_same_quantisation(source, target)
    width = WIDTHS_B[source.type]
    in_start, in_stride = reads or (0, dense(shape))
    out_start, out_stride = writes or (0, dense(shape))
    # The bytes of an element are one more dimension, and what lies together is copied at once.
    loops = [*shape, width]
    strides = [[*(s * width for s in stride), 1] for stride in (in_stride, out_stride)]
    sizes, (in_stride, out_stride) = collapse(loops, strides, RANK + 1)
    run_b = sizes.pop() if in_stride[-1] == out_stride[-1] == 1 else 1
    if run_b == 1 and len(sizes) == RANK + 1:
        # Nothing lies together: a loop less in front, which is empty unless there are too many.
        if sizes[0] > 1:
            raise ModelError(f"its loops have {len(sizes)} dimensions; {RANK} are the most")
        sizes, in_stride, out_stride = sizes[1:], in_stride[1:], out_stride[1:]
    return Step(
        operator=op,
        function="copy_strided",
        header="move.h",
        fields={
            **array_fields("shape", sizes),
            **array_fields("in_stride", in_stride[:RANK]),
            **array_fields("out_stride", out_stride[:RANK]),
            "in_start": in_start * width,
            "out_start": out_start * width,
            "run_b": run_b,
        },
        constants=[],
        inputs=[source.index],
        output=target.index,
    )


def along(
    op: Operator, source: Tensor, target: Tensor, axis: int, at: int, *, part: Tensor
) -> Step:
    """Return the copy between a tensor and a part of it that begins at `at` of an axis.

    `part` is whichever of the two it is.
    """
    whole = target if part is source else source
    place = (at * dense(whole.shape)[axis], dense(whole.shape))
    if part is source:
        return moved(op, source, target, part.shape, writes=place)
    return moved(op, source, target, part.shape, reads=place)


def filled(op: Operator, target: Tensor, value: float) -> Step:
    """Return the step that fills a tensor of bytes or floats, or another one with zeros."""
    if target.type == "FLOAT32":  # NaN and the infinities among them
        bits = int(np.array(value, "<f4").view("<i4"))
        fields, function = {"count": target.elements, "value": bits}, "fill_words"
    elif WIDTHS_B[target.type] != 1 and value != 0:
        raise ModelError(f"{target} is {target.type} and filled with {value}; 0 is supported")
    else:
        fields, function = {"count": target.size_b, "value": int(value)}, "fill"
    return Step(
        operator=op,
        function=function,
        header="move.h",
        fields=fields,
        constants=[],
        inputs=[],
        output=target.index,
    )


def source_of(graph: Graph, op: Operator, counts: Sequence[int], at: int = 0) -> Tensor:
    """Return the input that is moved; `counts` are how many inputs the operator may have."""
    if len(op.inputs) not in counts or op.inputs[at] == -1 or -1 in op.outputs or not op.outputs:
        raise ModelError(f"has {len(op.inputs)} inputs; {' or '.join(map(str, counts))} are needed")
    return activation(graph.tensors[op.inputs[at]])
