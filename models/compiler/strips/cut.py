"""Cut a run of operators into strips: the same kernels, called for some rows after the others."""

from collections.abc import Callable, Sequence

import msgspec

from tinybench.errors import ModelError

from ..graph import Graph, Operator, Tensor
from ..step import Step, Variant
from ..window import PADDING_GIVEN, SIDES
from .run import Link

COPY = "copy_rows"
"""Kernel that keeps rows, and brings them back."""
IN_STRIPS = "rows of "
"""Before the name of a tensor of which some rows are held."""

LowerOne = Callable[[Graph, Operator, Variant], Step | list[Step]]


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A run in strips."""

    graph: Graph
    """With what holds rows of its tensors."""
    steps: list[Step]
    first: int
    """The first operator, and the last."""
    last: int
    count: int
    """Strips."""
    rows: int
    """Of the last output, in each but the last strip."""
    kept_b: int
    """Bytes that are copied to be kept, all of one inference."""


class _Unlike(Exception):  # noqa: N818
    """A strip would need another kernel than the whole, or one that knows no such strip."""


class _Rows(msgspec.Struct, frozen=True):
    """Rows of a tensor of the model, in a tensor of their own or in the model's."""

    tensor: Tensor
    first: int
    end: int
    """Rows that it holds."""

    def part(self, first: int, end: int) -> "_Part":
        """Return some of them."""
        return _Part(self, first, end)


class _Part(msgspec.Struct, frozen=True):
    """Some of the rows that a tensor holds."""

    of: _Rows
    first: int
    end: int


Call = Callable[[Link, _Part, _Part], Step]
"""What gives the call for rows that are all there is of their tensors."""


def as_whole(link: Link, _source: _Part, _target: _Part) -> Step:
    """Return the call as that of the whole, without scratch memory: no strip needs less."""
    return msgspec.structs.replace(link.step, scratch_b=0)


class Calls:
    """The calls that compute some rows of an operator alone, each lowered once."""

    def __init__(self, graph: Graph, variant: Variant, lower_one: LowerOne) -> None:
        """Begin with a graph whose operators are lowered for a variant, by `lower_one`."""
        self.graph, self.variant, self.lower_one = graph, variant, lower_one
        self.lowered = dict[tuple[int, int, int, int], Step | None]()

    def of(self, link: Link, source: _Part, target: _Part) -> Step:
        """Return the call for rows that are all there is of their tensors."""
        top = max(0, link.window.pad_top - target.first * link.window.stride_h)
        rows, made = source.end - source.first, target.end - target.first
        key = (link.operator.index, rows, made, top)
        if key not in self.lowered:
            try:
                self.lowered[key] = self._lower(link, rows, made, top)
            except (_Unlike, ModelError):
                self.lowered[key] = None
        step = self.lowered[key]
        if step is None:
            raise _Unlike
        return step

    def _lower(self, link: Link, rows: int, made: int, top: int) -> Step:
        """Return the call that makes so many rows of others, below so many rows of the border."""
        op, window = link.operator, link.window
        reach_h = (window.kernel_h - 1) * window.dilation_h + 1
        reach_w = (window.kernel_w - 1) * window.dilation_w + 1
        bottom = (made - 1) * window.stride_h + reach_h - top - rows
        right = (window.out_w - 1) * window.stride_w + reach_w - window.pad_left - window.in_w
        seen = list(self.graph.tensors)
        ends, planar = list[int](), set(self.variant.planar)
        for like, high in ((op.inputs[0], rows), (op.outputs[0], made)):
            shape = (1, high, *seen[like].shape[2:])
            ends.append(len(seen))
            if like in planar:
                planar.add(ends[-1])
            seen.append(msgspec.structs.replace(seen[like], index=ends[-1], shape=shape))
        sides = dict(zip(SIDES, (top, window.pad_left, bottom, right), strict=True))
        own = Operator(
            op.index,
            op.name,
            (ends[0], *op.inputs[1:]),
            (ends[1],),
            {**op.options, "Padding": PADDING_GIVEN, **sides},
        )
        variant = Variant(self.variant.kernels, frozenset(planar))
        graph = msgspec.structs.replace(self.graph, tensors=tuple(seen))
        return _alike(link.step, self.lower_one(graph, own, variant))


def _alike(whole: Step, steps: Step | list[Step]) -> Step:
    """Return the one step of a strip; raises where it is not as that of the whole."""
    (step, *more) = steps if isinstance(steps, list) else [steps]
    same = len(step.constants) == len(whole.constants) and all(
        one.values.tobytes() == other.values.tobytes()
        for one, other in zip(step.constants, whole.constants, strict=True)
    )
    if more or step.function != whole.function or not same:
        raise _Unlike
    return msgspec.structs.replace(step, constants=whole.constants)


class _Cutter:
    """Gathers the steps of a run in strips, and the tensors that they need."""

    def __init__(self, graph: Graph, planar: frozenset[int], call: Call) -> None:
        """Begin with a graph, which of its tensors are planar, and what computes rows of others."""
        self.tensors = list(graph.tensors)
        self.call, self.planar = call, set(planar)
        self.steps = list[Step]()
        self.kept_b = 0

    def hold(self, like: Tensor, first: int, end: int) -> _Rows:
        """Return a new tensor that holds some rows of another."""
        shape = (1, end - first, *like.shape[2:])
        index = len(self.tensors)
        name = f"{IN_STRIPS}{like.name}"
        made = msgspec.structs.replace(like, index=index, name=name, shape=shape)
        self.tensors.append(made)
        if like.index in self.planar:
            self.planar.add(index)
        return _Rows(made, first, end)

    def bytes_of(self, part: _Part) -> tuple[int, int, int]:
        """Return at which byte a part begins, its bytes in a plane, and those of a whole plane.

        Channels innermost are one plane.
        """
        _, height, width, channels = part.of.tensor.shape
        row_b = width if part.of.tensor.index in self.planar else width * channels
        return (part.first - part.of.first) * row_b, (part.end - part.first) * row_b, height * row_b

    def copy(self, op: Operator, source: _Part, target: _Part, whole: tuple[int, int]) -> None:
        """Add the copy of a part to another of the same rows."""
        from_b, size_b, in_b = self.bytes_of(source)
        to_b, _, out_b = self.bytes_of(target)
        planar = source.of.tensor.index in self.planar
        self.steps.append(
            Step(
                operator=op,
                function=COPY,
                header="move.h",
                fields={
                    "planes": source.of.tensor.shape[3] if planar else 1,
                    "size_b": size_b,
                    "in_plane_b": in_b,
                    "out_plane_b": out_b,
                },
                constants=[],
                inputs=[source.of.tensor.index],
                output=target.of.tensor.index,
                begins={source.of.tensor.index: from_b, target.of.tensor.index: to_b},
                whole=whole,
            )
        )
        self.kept_b += size_b * (source.of.tensor.shape[3] if planar else 1)

    def compute(self, link: Link, source: _Part, target: _Part) -> None:
        """Add the call that computes some rows of a link's output from some of its input."""
        step = self.call(link, source, target)
        read, written = source.of.tensor, target.of.tensor
        begins, fields, apart = dict[int, int](), step.fields, False
        for end, part in (("in", source), ("out", target)):
            begin, size_b, plane_b = self.bytes_of(part)
            if begin:
                begins[part.of.tensor.index] = begin
            if size_b == plane_b:
                continue
            apart = True
            if part.of.tensor.index in self.planar:
                height = part.of.tensor.shape[1]
                strides = {f"{end}_channel_stride": plane_b, f"{end}_plane_h": height}
                known = strides.keys() & fields.keys()
                if not known:
                    raise _Unlike
                fields = {**fields, **{name: strides[name] for name in known}}
        whole = (link.step.inputs[0], link.step.output)
        overlap = next(iter(step.overlaps.values()), None)
        self.steps.append(
            msgspec.structs.replace(
                step,
                operator=link.operator,
                fields=fields,
                inputs=[read.index],
                output=written.index,
                overlaps={} if apart or overlap is None else {read.index: overlap},
                begins=begins,
                whole=whole,
            )
        )


def cut(
    graph: Graph, run: Sequence[Link], rows: int, planar: frozenset[int], call: Call
) -> Cut | None:
    """Return a run of links in strips of so many rows of its last output; None where none can be.

    `planar` are tensors of the model. `call` is `Calls.of`, or `as_whole` to see what is in memory.
    """
    made = _strips(run, rows)
    cutter = _Cutter(graph, planar, call)
    try:
        _cut(cutter, run, made)
    except _Unlike:
        return None
    return Cut(
        graph=msgspec.structs.replace(graph, tensors=tuple(cutter.tensors)),
        steps=cutter.steps,
        first=run[0].operator.index,
        last=run[-1].operator.index,
        count=len(made),
        rows=rows,
        kept_b=cutter.kept_b,
    )


def at_least(graph: Graph, run: Sequence[Link], rows: int) -> tuple[int, int]:
    """Return bytes that are alive at once in a run in strips, and how many calls more there are.

    Both at least: without the rows that are kept. Much quicker than to cut it.
    """
    outside = {*graph.inputs, *graph.outputs}
    ends = run[0].step.inputs[0], *(link.step.output for link in run)
    tensors = [graph.tensors[i] for i in ends]
    whole_b = [0 if tensor.index in outside else tensor.size_b for tensor in tensors]
    row_b = [tensor.size_b // tensor.shape[1] for tensor in tensors]
    strips, last = _strips(run, rows), len(run) - 1
    reading = max(number for number, spans in enumerate(strips) if spans[0] != NOTHING)
    most_b, calls = 0, -len(run)
    for number, spans in enumerate(strips):
        for j, span in enumerate(spans):
            if span == NOTHING:
                continue
            calls += 1
            (low, end), apart = span.reads, j == 0 and span.reads != (0, tensors[0].shape[1])
            read_b, alive_b = whole_b[0], 0
            if j > 0:
                read_b, alive_b = (end - low) * row_b[j], whole_b[0] if number < reading else 0
            written_b = whole_b[-1]
            if j < last:
                low, end = spans[j + 1].reads
                written_b = (end - low) * row_b[j + 1]
                alive_b += whole_b[-1] if number else 0
            if j < last and not apart and span.writes == (low, end) and run[j].step.overlaps:
                alive_b -= min(read_b, written_b)
            most_b = max(most_b, read_b + written_b + alive_b)
    return most_b, calls


def halved(
    graph: Graph, link: Link, middle: int, planar: frozenset[int], call: Call
) -> list[Step] | None:
    """Return two steps in place of a link's: for the rows before `middle`, and the others.

    None where the link's kernel cannot compute some rows alone. `planar` and `call` as in `cut`.
    """
    cutter = _Cutter(graph, planar, call)
    rows = ((0, middle), (middle, link.window.out_h))
    try:
        _cut(cutter, [link], [[_Span(link.needs(*part), part)] for part in rows])
    except _Unlike:
        return None
    return cutter.steps


class _Span(msgspec.Struct, frozen=True):
    """What a link does in a strip."""

    reads: tuple[int, int]
    """Rows of its input, the first and the end; none where it does nothing."""
    writes: tuple[int, int]
    """New rows of its output."""


NOTHING = _Span((0, 0), (0, 0))


def _strips(run: Sequence[Link], rows: int) -> list[list[_Span]]:
    """Return what each link does in each strip: rows that nobody has made yet, of what it takes."""
    high, done = run[-1].window.out_h, [0] * len(run)
    strips = list[list[_Span]]()
    for first in range(0, high, rows):
        writes, spans = (first, min(high, first + rows)), list[_Span]()
        for j in reversed(range(len(run))):
            if writes[0] >= writes[1]:
                spans.insert(0, NOTHING)
                continue
            low, end = run[j].needs(*writes)
            spans.insert(0, _Span((low, end), writes))
            writes = (max(low, done[j]), end)
            done[j] = max(done[j], end)
        strips.append(spans)
    return strips


def _cut(cutter: _Cutter, run: Sequence[Link], strips: Sequence[Sequence[_Span]]) -> None:
    """Add the steps of all strips.

    What lies between two links holds the rows that a strip reads: those that are kept of the strip
    before, then the new ones.
    """
    tensors = [cutter.tensors[run[0].step.inputs[0]]]
    tensors += [cutter.tensors[link.step.output] for link in run]
    kept = dict[int, _Rows]()
    for number, spans in enumerate(strips):
        held = _Rows(tensors[0], 0, tensors[0].shape[1])
        for j, (link, span) in enumerate(zip(run, spans, strict=True)):
            if span == NOTHING:
                if j + 1 < len(run) and spans[j + 1] != NOTHING:
                    held = kept[j + 1]  # all that is read next was made before
                continue
            whole = (link.step.inputs[0], link.step.output)
            low, end = span.reads
            if low >= end:
                raise _Unlike  # a strip that sees nothing but the border
            if j > 0:
                later = (strip[j].reads[0] for strip in strips[number + 1 :] if strip[j] != NOTHING)
                again = next(later, end)
                if again < end:
                    kept[j] = cutter.hold(tensors[j], again, end)
                    cutter.copy(
                        link.operator, held.part(again, end), kept[j].part(again, end), whole
                    )
            reads = held.part(low, end)
            if j + 1 == len(run):
                held = _Rows(tensors[-1], 0, tensors[-1].shape[1])
            else:
                first, last = spans[j + 1].reads
                held = cutter.hold(tensors[j + 1], first, last)
                was = kept.get(j + 1)
                if was is not None and first < was.end:
                    cutter.copy(
                        link.operator, was.part(first, was.end), held.part(first, was.end), whole
                    )
            cutter.compute(link, reads, held.part(*span.writes))
