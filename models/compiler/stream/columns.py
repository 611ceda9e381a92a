"""Which operators give a column of their output of a few columns of their input, and how."""

from collections.abc import Callable, Mapping

import msgspec

from tinybench.errors import ModelError

from ..checks import axis_of, numbers
from ..graph import Graph, Operator, Tensor
from ..operators import kind_module
from ..operators.moves.strided_slice import FIELDS as SLICE_MASKS
from ..operators.moves.strided_slice import spans
from ..window import window_of

Spaced = Mapping[int, int]
"""Tensors with a time axis, and how many frames lie between two columns of theirs."""


_BORDER = "pads time: a border moves with the history, so that no column stays right"


class Ask(msgspec.Struct, frozen=True):
    """Rows of a state."""

    first: int
    count: int
    spacing: int


class Column(msgspec.Struct, frozen=True):
    """How an operator gives its newest column."""

    rows: dict[int, int]
    """How many of the last rows of each input it reads, one for each frame."""
    spacing: int
    """Frames from one column of its output to the next."""
    options: dict[str, int]
    """What is other than in the model as given."""
    taken: int | None = None
    """Where it only takes a row of its input: which of those it reads."""


class Whole(msgspec.Struct, frozen=True):
    """An operator that needs all columns."""

    why: str


def column(graph: Graph, op: Operator, spaced: Spaced) -> Column | Whole:
    """Return how an operator with inputs that have a time axis gives its newest column."""
    folder = kind_module(op.name).split(".")[-2]
    rule = _RULES.get(op.name) or _FOLDERS.get(folder)
    if rule is None:
        return Whole("is not known to keep columns apart")
    try:
        return rule(graph, op, spaced)
    except ModelError as error:
        return Whole(str(error))


def _alone(graph: Graph, op: Operator, spaced: Spaced) -> tuple[Tensor, Tensor]:
    """Return the input, the only one that changes with time, and the output."""
    if op.inputs[0] not in spaced or any(i in spaced for i in op.inputs[1:]):
        raise ModelError("reads what changes with time as a parameter")
    return graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]


def _same_times(source: Tensor, target: Tensor) -> None:
    if target.shape[:2] != (1, source.shape[1]):
        raise ModelError(f"gives {list(target.shape)} of {list(source.shape)}, without its columns")


def _each(graph: Graph, op: Operator, spaced: Spaced) -> Column:
    """Each value by itself, or each row along the last axis."""
    source, target = _alone(graph, op, spaced)
    _same_times(source, target)
    return Column({source.index: 1}, spaced[source.index], {})


def _each_row(graph: Graph, op: Operator, spaced: Spaced) -> Column:
    """Each row along the last axis, which must not be time."""
    if len(graph.tensors[op.inputs[0]].shape) < 3:
        raise ModelError("works along time")
    return _each(graph, op, spaced)


def _pair(graph: Graph, op: Operator, spaced: Spaced) -> Column:
    """Two or more tensors, each with the same times or a constant without."""
    target = graph.tensors[op.outputs[0]]
    timed = [i for i in op.inputs if i in spaced]
    if len({spaced[i] for i in timed}) > 1:
        raise ModelError("joins columns that are not equally far apart")
    for index in op.inputs:
        tensor = graph.tensors[index]
        if index in spaced:
            _same_times(tensor, target)
            if len(tensor.shape) != len(target.shape):
                raise ModelError("has another number of axes than its output")
            continue
        at = 1 - len(target.shape) + len(tensor.shape)
        if tensor.data is None or (at >= 0 and tensor.shape[at] != 1):
            raise ModelError(f"joins columns with {tensor}, which is no constant for all of them")
    return Column(dict.fromkeys(timed, 1), spaced[timed[0]], {})


def _joined(graph: Graph, op: Operator, spaced: Spaced) -> Column:
    """Columns one behind the other along another axis."""
    if axis_of(int(op.options["Axis"]), graph.tensors[op.outputs[0]]) < 2:
        raise ModelError("joins along time")
    if any(i not in spaced for i in op.inputs):
        raise ModelError("joins columns with what has none")
    return _pair(graph, op, spaced)


def _bordered(graph: Graph, op: Operator, spaced: Spaced) -> Column:
    """A border on other sides than those of time."""
    _alone(graph, op, spaced)
    if any(numbers(graph.tensors[op.inputs[1]], "borders")[:4]):
        raise ModelError(_BORDER)
    return _each(graph, op, spaced)


def _windowed(graph: Graph, op: Operator, spaced: Spaced) -> Column:
    """A window over the last columns."""
    source, target = _alone(graph, op, spaced)
    if pooled := "FilterHeight" in op.options:
        kernel_h, kernel_w = int(op.options["FilterHeight"]), int(op.options["FilterWidth"])
    else:
        filters = graph.tensors[op.inputs[1]]
        if len(filters.shape) != 4:
            raise ModelError("has weights of another shape than windows")
        kernel_h, kernel_w = filters.shape[1:3]
    window = window_of(op, source, target, kernel_h, kernel_w)
    reach = (window.kernel_h - 1) * window.dilation_h + 1
    behind = window.in_h - (window.out_h - 1) * window.stride_h - reach
    if window.pad_top > 0 or behind < 0:
        raise ModelError(_BORDER)
    spacing = spaced[source.index]
    if pooled and spacing > 1 and kernel_h > 1:
        raise ModelError(f"pools columns that are {spacing} frames apart")
    behind *= spacing
    options = {"StrideH": behind + 1}
    if "PadBottom" in op.options:
        options["PadBottom"] = 0
    if not pooled:
        options["DilationHFactor"] = window.dilation_h * spacing
    rows = (reach - 1) * spacing + 1 + behind
    return Column({source.index: rows}, spacing * window.stride_h, options)


def _sliced(graph: Graph, op: Operator, spaced: Spaced) -> Column:
    """Some of the columns: the newest of them came some frames ago."""
    source, target = _alone(graph, op, spaced)
    given = [numbers(graph.tensors[i], "begins, ends or steps") for i in op.inputs[1:]]
    if op.name == "SLICE":
        begins, sizes = given
        rests = zip(begins, sizes, source.shape, strict=True)
        ends = [n if size == -1 else begin + size for begin, size, n in rests]
        given = [begins, ends, [1] * len(begins)]
    masks = {name: int(op.options.get(name, 0)) for name in SLICE_MASKS}
    places, after = spans(source.shape, given[0], given[1], given[2], masks)
    others = (range(n) for i, n in enumerate(source.shape) if i != 1)
    if places[1].step < 1 or [p for i, p in enumerate(places) if i != 1] != list(others):
        raise ModelError("takes a part of each column, or turns time around")
    if tuple(after) != target.shape or len(after) != len(source.shape):
        raise ModelError("has another number of axes than its input")
    spacing = spaced[source.index]
    rows = (source.shape[1] - 1 - places[1][-1]) * spacing + 1
    return Column({source.index: rows}, spacing * places[1].step, {}, taken=0)


Rule = Callable[[Graph, Operator, Spaced], Column]

_RULES: dict[str, Rule] = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D"), _windowed),
    **dict.fromkeys(("QUANTIZE", "DEQUANTIZE", "CAST"), _each),
    **dict.fromkeys(("RESHAPE", "EXPAND_DIMS", "SQUEEZE"), _each),
    **dict.fromkeys(("SOFTMAX", "L2_NORMALIZATION", "FULLY_CONNECTED"), _each_row),
    **dict.fromkeys(("SLICE", "STRIDED_SLICE"), _sliced),
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), _bordered),
    "CONCATENATION": _joined,
}
_FOLDERS: dict[str, Rule] = {"tables": _each, "maps": _each, "pairs": _pair}
