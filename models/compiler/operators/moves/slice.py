"""SLICE: a box out of a tensor."""

from tinybench.errors import ModelError

from ...checks import check_shape, numbers
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ...strides import dense
from . import TYPES, moved, source_of


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_of(graph, op, (3,)), graph.tensors[op.outputs[0]]
    begins, sizes = (numbers(graph.tensors[i], "begins and sizes") for i in op.inputs[1:])
    if not len(begins) == len(sizes) == len(source.shape):
        raise ModelError(f"begins {begins} and sizes {sizes} for {list(source.shape)}")
    rests = [whole - begin for whole, begin in zip(source.shape, begins, strict=True)]
    wanted = [rest if size == -1 else size for size, rest in zip(sizes, rests, strict=True)]
    if min(begins, default=0) < 0 or not all(
        0 < size <= rest for size, rest in zip(wanted, rests, strict=True)
    ):
        raise ModelError(f"begins {begins} and sizes {sizes} for {list(source.shape)}")
    check_shape(target, wanted)
    stride = dense(source.shape)
    start = sum(begin * step for begin, step in zip(begins, stride, strict=True))
    return moved(op, source, target, target.shape, reads=(start, stride))


KIND = Kind(types=TYPES, lower=_lower)
