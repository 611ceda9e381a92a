"""Evaluate a model frame by frame: each layer computes its newest column, and keeps the others.

A model whose input is a history, axis 1 oldest first, sees each frame again and again while the
history moves on. Where nothing depends on where in the history a column stands, its value stays:
it is computed once, when it is the newest, and a state holds it as long as a window needs it. What
needs the history as a whole (a border, a mean over time) gets it from a state, and is computed as
given from there on. Nothing is rounded, and no output changes.

Frames that a stride leaves out are those of other frames' histories: a layer with a stride computes
a column for each frame, too, and who reads it takes every so many of them, as by a dilation.
"""

from collections.abc import Callable

import msgspec

from tinybench.errors import ModelError

from ..graph import WIDTHS_B, Graph, Operator, Tensor
from .columns import Ask, Column, Whole, column

HISTORY_MOST = 4096
"""Frames: an inference of so many begins a stream."""


class StreamedOperator(msgspec.Struct, frozen=True, kw_only=True):
    """How an operator of the model as given is computed, frame by frame."""

    index: int
    operator: str
    kept_frames: int
    """Columns that a state holds for it, the newest included; 0: none but the newest is read."""
    whole: str
    """Why it is computed on a whole history; "" where it is not."""


class Streamed(msgspec.Struct, frozen=True, kw_only=True):
    """A model that is evaluated frame by frame."""

    frames: int
    """Of the history that the model as given takes."""
    frame_b: int
    """Bytes of a frame; as many wait while a stream begins."""
    state_b: int
    operators: list[StreamedOperator]
    """Those that read what changes with time."""


class Frames(msgspec.Struct, frozen=True):
    """A graph that takes one frame, and the operators of the given one that its own came from."""

    graph: Graph
    streamed: Streamed
    origins: dict[int, int]


def frame_by_frame(graph: Graph) -> Frames:
    """Return a graph of the newest frame that gives what the given one gives of the history.

    It is to be fed with as many frames of the history at first as the history has. Raises
    ModelError for a model without a time axis, or of which no operator can be computed so.
    """
    source = _history(graph)
    work = _Work(list(graph.tensors))
    work.spaced[source.index] = 1
    operators, origins, ways = list[Operator](), dict[int, int](), list[StreamedOperator]()

    def emit(op: Operator, origin: Operator) -> None:
        origins[len(operators)] = origin.index
        operators.append(msgspec.structs.replace(op, index=len(operators)))

    def emit_last(op: Operator) -> None:
        emit(op, graph.operators[-1])

    for op in graph.operators:
        timed = [i for i in dict.fromkeys(op.inputs) if i in work.spaced]
        if not timed:
            emit(op, op)
            continue
        way = column(graph, op, work.spaced)
        kept = 0
        if isinstance(way, Whole):
            reads = {}
            for index in timed:
                reads[index], rows = work.whole(index, lambda new, op=op: emit(new, op))
                kept = max(kept, rows)
            inputs = tuple(reads.get(i, i) for i in op.inputs)
            emit(msgspec.structs.replace(op, inputs=inputs), op)
        else:
            kept = _compute(graph, op, way, work, emit)
        ways.append(
            StreamedOperator(
                index=op.index,
                operator=op.name,
                kept_frames=kept,
                whole=way.why if isinstance(way, Whole) else "",
            )
        )
    _check_gained(graph, ways)
    outputs = list[int]()
    for index in graph.outputs:
        timed_out = index in work.spaced
        outputs.append(work.whole(index, emit_last)[0] if timed_out else index)
    for index in work.spaced:
        tensor = work.tensors[index]
        shape = (1, 1, *tensor.shape[2:])
        work.tensors[index] = msgspec.structs.replace(tensor, shape=shape)
    found = Graph(tuple(work.tensors), tuple(operators), graph.inputs, tuple(outputs))
    states = sum(t.size_b for t in found.tensors if t.initial is not None)
    streamed = Streamed(
        frames=source.shape[1],
        frame_b=found.tensors[source.index].size_b,
        state_b=states,
        operators=ways,
    )
    return Frames(found, streamed, origins)


def _history(graph: Graph) -> Tensor:
    """Return the model's input."""
    if len(graph.inputs) != 1:
        raise ModelError(f"the model has {len(graph.inputs)} inputs; a stream has one")
    if any(tensor.initial is not None for tensor in graph.tensors):
        raise ModelError("the model keeps a state of its own: it is a stream as it is")
    source = graph.tensors[graph.inputs[0]]
    if len(source.shape) < 2 or source.shape[0] != 1 or not 1 < source.shape[1] <= HISTORY_MOST:
        raise ModelError(
            f"the model's input, {source}, is {list(source.shape)}; a history of 2 to "
            f"{HISTORY_MOST} frames is needed, [1, frames, ...]"
        )
    return source


def _check_gained(graph: Graph, ways: list[StreamedOperator]) -> None:
    """Raise ModelError where all is computed on the whole history."""
    moves = {op.index for op in graph.operators if op.name in ("RESHAPE", "EXPAND_DIMS", "SQUEEZE")}
    if any(not way.whole and way.index not in moves for way in ways):
        return
    first = next(way for way in ways if way.whole)
    raise ModelError(
        f"the model cannot be evaluated frame by frame: operator {first.index} {first.operator} "
        f"{first.whole}; compile it without --stream"
    )


def _compute(
    graph: Graph,
    op: Operator,
    way: Column,
    work: "_Work",
    emit: Callable[[Operator, Operator], None],
) -> int:
    """Put an operator on columns into the new graph; return how many rows it reads of a state."""
    reads, kept = dict[int, int](), 0
    for index, rows in way.rows.items():
        reads[index] = index
        if rows > 1:
            reads[index] = work.window(index, rows, lambda new: emit(new, op))
            kept = max(kept, rows)
    inputs = tuple(reads.get(i, i) for i in op.inputs)
    new = msgspec.structs.replace(op, inputs=inputs, options={**op.options, **way.options})
    if way.taken is not None:
        source = work.tensors[inputs[0]]
        new = work.slice(source, op.outputs[0], Ask(way.taken, 1, 1))
    emit(new, op)
    for index in op.outputs:
        target = graph.tensors[index]
        if target.shape[1] > 1:
            work.spaced[index] = way.spacing
    return kept


class _Work:
    """The new graph while it grows."""

    def __init__(self, tensors: list[Tensor]) -> None:
        self.tensors = tensors
        self.spaced = dict[int, int]()
        """Tensors with a time axis, and how many frames lie between two columns of theirs."""
        self._windows = dict[tuple[int, int], int]()
        self._wholes = dict[int, tuple[int, int]]()

    def window(self, index: int, rows: int, emit: Callable[[Operator], None]) -> int:
        """Return a state of the last columns of a tensor, which is kept from here on."""
        if (index, rows) not in self._windows:
            column = self.tensors[index]
            shape = (1, rows, *column.shape[2:])
            state = self._add(column, f"{column.name}, the last {rows}", shape, state=True)
            emit(Operator(0, "SHIFT_IN", (index,), (state,), {}))
            self._windows[index, rows] = state
        return self._windows[index, rows]

    def whole(self, index: int, emit: Callable[[Operator], None]) -> tuple[int, int]:
        """Return the tensor that holds all columns of another, and how many rows are kept."""
        if index not in self._wholes:
            given, spacing = self.tensors[index], self.spaced[index]
            rows = (given.shape[1] - 1) * spacing + 1
            state = self.window(index, rows, emit)
            if spacing > 1:
                target = self._add(given, f"{given.name}, every {spacing}th", given.shape)
                emit(self.slice(self.tensors[state], target, Ask(0, given.shape[1], spacing)))
                state = target
            self._wholes[index] = state, rows
        return self._wholes[index]

    def slice(self, source: Tensor, target: int, ask: Ask) -> Operator:
        """Return what takes some rows of a state."""
        rest = source.shape[2:]
        last = ask.first + (ask.count - 1) * ask.spacing + 1
        three = [(0, ask.first), (1, last), (1, ask.spacing)]
        zeros = [0] * len(rest), rest, [1] * len(rest)
        begins_ends_steps = [
            self._numbers([*two, *more]) for two, more in zip(three, zeros, strict=True)
        ]
        masks = ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask")
        inputs = (source.index, *begins_ends_steps)
        return Operator(0, "STRIDED_SLICE", inputs, (target,), dict.fromkeys(masks, 0))

    def _numbers(self, values: list[int]) -> int:
        data = b"".join(value.to_bytes(4, "little", signed=True) for value in values)
        index = len(self.tensors)
        self.tensors.append(Tensor(index, "", "INT32", (len(values),), (), (), 0, data))
        return index

    def _add(self, like: Tensor, name: str, shape: tuple[int, ...], *, state: bool = False) -> int:
        index, fields = len(self.tensors), {"name": name, "shape": shape}
        new = msgspec.structs.replace(like, index=index, **fields)
        if state:
            initial = bytes(new.elements * WIDTHS_B[new.type])
            new = msgspec.structs.replace(new, initial=initial)
        self.tensors.append(new)
        return index
