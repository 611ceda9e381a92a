"""LOG_SOFTMAX: the logarithm of a softmax over the last dimension, of floats."""

from tinybench.errors import ModelError

from ..checks import source_and_target
from ..floats import one_input
from ..graph import Graph, Operator
from ..step import Kind, Step, Variant


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_and_target(graph, op)
    if source.shape != target.shape or not source.shape:
        raise ModelError(f"{list(source.shape)} in, {list(target.shape)} out")
    classes = source.shape[-1]
    rows = {"rows": source.elements // classes, "classes": classes}
    return one_input(op, "log_softmax_float32", source, target, rows, in_place=True)


KIND = Kind(types=("FLOAT32",), lower=_lower, by_type={"FLOAT32": _lower})
