"""Runs of operators that can be computed row by row, each reading what the one before it wrote."""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from tinybench.errors import ModelError

from ..graph import Graph, Operator
from ..step import Step
from ..window import Window, window_of

WINDOWED = ("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D")


class Link(msgspec.Struct, frozen=True):
    """An operator whose rows can be computed some at a time."""

    operator: Operator
    window: Window
    step: Step
    """The one that computes it whole."""

    def needs(self, first: int, end: int) -> tuple[int, int]:
        """Return the first row of the input, and the end, for such rows of the output."""
        window = self.window
        reach = (window.kernel_h - 1) * window.dilation_h + 1
        low = first * window.stride_h - window.pad_top
        high = (end - 1) * window.stride_h - window.pad_top + reach
        return min(max(0, low), window.in_h), max(0, min(window.in_h, high))


def links(
    graph: Graph, steps: Sequence[Step], at: int, whole: Callable[[Graph, Step], bool]
) -> list[tuple[int, Link]]:
    """Return the longest run around step `at`, with the place of each in `steps`.

    `whole`: steps that are no part of any. It is empty where the step itself is none.
    """
    readers = Counter(t for step in steps for t in step.inputs)
    calls = Counter(step.operator.index for step in steps)

    def found(i: int) -> Link | None:
        if not 0 <= i < len(steps) or calls[steps[i].operator.index] > 1:
            return None
        return None if whole(graph, steps[i]) else _link(graph, steps[i])

    def joined(i: int) -> bool:
        """Whether step `i` alone reads what the one before it wrote."""
        between = steps[i - 1].output
        return (
            steps[i].inputs == [between]
            and readers[between] == 1
            and between not in graph.outputs
            and graph.tensors[between].initial is None
        )

    link = found(at)
    if link is None:
        return []
    run = [(at, link)]
    while joined(run[0][0]) and (link := found(run[0][0] - 1)) is not None:
        run.insert(0, (run[0][0] - 1, link))
    while (i := run[-1][0] + 1) < len(steps) and joined(i) and (link := found(i)) is not None:
        run.append((i, link))
    return run


def _link(graph: Graph, step: Step) -> Link | None:
    op = step.operator
    if op.name not in WINDOWED or not step.function or step.images > 1 or len(step.inputs) != 1:
        return None
    source, target = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    if any(t.type != "INT8" or t.initial is not None for t in (source, target)):
        return None
    if source.data is not None or (step.inputs[0], step.output) != (source.index, target.index):
        return None
    if op.name.endswith("CONV_2D"):
        kernel_h, kernel_w = graph.tensors[op.inputs[1]].shape[1:3]
    else:
        kernel_h, kernel_w = int(op.options["FilterHeight"]), int(op.options["FilterWidth"])
    try:
        return Link(op, window_of(op, source, target, kernel_h, kernel_w), step)
    except ModelError:  # of a shape that no window has
        return None
