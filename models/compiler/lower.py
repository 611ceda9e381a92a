"""Turn operators of a graph into kernel calls with constant parameters, or say why not."""

import functools
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from tinybench.errors import ModelError

from ..model_file import CONVERTER
from .checks import RANGES, check_quantisation, counted
from .dsp.choose import ends_of_tiles
from .graph import Graph, Operator, Tensor
from .operators import kind
from .prune import Pruned, Removed, prune
from .step import Lower, Planes, Step, Variant
from .stream import Streamed, frame_by_frame
from .strips import Strips, in_strips


class Lowered(msgspec.Struct, frozen=True):
    """A model as kernel calls."""

    graph: Graph
    """Without what was left out."""
    variant: Variant
    """What the steps are lowered for."""
    steps: list[Step]
    removed: list[Removed]
    macs: dict[int, int]
    """Multiplications of the model as given, by operator."""
    streamed: Streamed | None = None
    """How it is evaluated frame by frame; None where it is not."""
    strips: list[Strips] = []
    """Operators that are computed strip by strip."""

    @property
    def computed_macs(self) -> int:
        """Multiplications of one inference, without what was left out."""
        return sum(step.macs for step in self.steps)


def lower_pruned(
    graph: Graph, kernels: Sequence[str], *, pruned: bool, strips: bool, stream: bool = False
) -> list[Lowered]:
    """Return the steps of a model for each kind of kernels.

    `pruned`: without channels that need not be computed. `strips`: some operators strip by strip,
    where the arena is smaller for it. `stream`: of one frame at a time. Raises as `lower`, of the
    model as given, and as `frame_by_frame`.
    """

    @functools.cache
    def given(kind: str) -> Lowered:
        variant, steps = lower(graph, kind)
        return Lowered(graph, variant, steps, [], _macs(steps))

    macs = given(kernels[0]).macs  # says what is wrong with the model as given
    less: dict[str, Pruned] = {}
    if pruned and "dsp" in kernels:
        less["dsp"] = prune(graph, ends_of_tiles(graph))
    if pruned and set(kernels) - {"dsp"}:
        same = prune(graph)
        less |= {kind: same for kind in kernels if kind != "dsp"}
    found = [_of_less(less.get(kind), kind, macs) or given(kind) for kind in kernels]
    if not stream:
        return [_of_strips(each) for each in found] if strips else found
    return [_of_frames(each) for each in found]


def _of_strips(whole: Lowered) -> Lowered:
    """Return the steps with some operators in strips."""

    @functools.cache
    def tiles() -> frozenset[int]:
        return ends_of_tiles(whole.graph) if whole.variant.kernels == "dsp" else frozenset[int]()

    def tiled(_graph: Graph, step: Step) -> bool:
        return {*step.inputs, step.output} <= tiles()

    less = in_strips(whole.graph, whole.steps, whole.variant, lower_operator, tiled)
    return msgspec.structs.replace(whole, graph=less.graph, steps=less.steps, strips=less.strips)


def _of_frames(whole: Lowered) -> Lowered:
    """Return the steps of one frame; operators are counted anew."""
    frames = frame_by_frame(whole.graph)
    macs, last = dict[int, int](), {origin: new for new, origin in frames.origins.items()}
    for new, origin in frames.origins.items():
        macs[new] = whole.macs.get(origin, 0) if last[origin] == new else 0
    removed = [msgspec.structs.replace(each, index=last[each.index]) for each in whole.removed]
    variant, steps = lower(frames.graph, whole.variant.kernels)
    return Lowered(frames.graph, variant, steps, removed, macs, frames.streamed)


def _of_less(less: Pruned | None, kernels: str, macs: dict[int, int]) -> Lowered | None:
    """Return the steps of what is left of a model; None where nothing can be left out.

    `macs` are those of the model as given, which are the same for each kind of kernels.
    """
    if less is None or not less.removed:
        return None
    try:
        variant, steps = lower(less.graph, kernels)
    except ModelError:  # such as a window that is larger than what is left of its input
        return None
    return Lowered(less.graph, variant, steps, less.removed, macs)


def _macs(steps: Sequence[Step]) -> dict[int, int]:
    """Return the multiplications of each operator."""
    macs = Counter[int]()
    for step in steps:
        macs[step.operator.index] += step.macs
    return dict(macs)


def lower(graph: Graph, kernels: str) -> tuple[Variant, list[Step]]:
    """Return the steps of all operators, in the graph's order, and what they are lowered for.

    `kernels` is that of `Variant`.
    Raises ModelError naming all operators that cannot be compiled, and why.
    """
    check_types(graph)
    _of_each(graph, _check_activations)
    variant = Variant(kernels, planar_tensors(graph) if kernels == "dsp" else frozenset())
    return variant, _of_each(graph, lambda graph, op: lower_operator(graph, op, variant))


def lower_operator(graph: Graph, op: Operator, variant: Variant) -> Step | list[Step]:
    """Return the steps of one operator, checked. Raises ModelError."""
    found = _steps(graph, op, variant)
    written = {step.output for step in (found if isinstance(found, list) else [found])}
    if not written >= set(op.outputs):
        raise ModelError(f"has {len(op.outputs)} outputs; {len(written)} are supported")
    return found


def _steps(graph: Graph, op: Operator, variant: Variant) -> Step | list[Step]:
    lower = _lower_of(graph, op)
    images = _images(graph, op) if kind(op.name).each_image else 1
    if images == 1:
        return lower(graph, op, variant)
    steps = lower(_of_one_image(graph, op), op, variant)
    return [
        msgspec.structs.replace(step, images=images, overlaps={}, macs=step.macs * images)
        for step in (steps if isinstance(steps, list) else [steps])
    ]


def _lower_of(graph: Graph, op: Operator) -> Lower:
    """Return what lowers an operator on activations of its types."""
    known = kind(op.name)
    types = {tensor.type for tensor in activations(graph, op)}
    return known.by_type.get(types.pop(), known.lower) if len(types) == 1 else known.lower


def _images(graph: Graph, op: Operator) -> int:
    """Return how many images an operator works on, if on as many as it gives."""
    found = {t.shape[0] if len(t.shape) == 4 else 1 for t in activations(graph, op)}
    return found.pop() if len(found) == 1 else 1


def _of_one_image(graph: Graph, op: Operator) -> Graph:
    """Return the graph with an operator's activations as those of a batch of one."""
    tensors = list(graph.tensors)
    for tensor in activations(graph, op):
        tensors[tensor.index] = msgspec.structs.replace(tensor, shape=(1, *tensor.shape[1:]))
    return msgspec.structs.replace(graph, tensors=tuple(tensors))


def _of_each(graph: Graph, function: Callable[[Graph, Operator], Step | list[Step]]) -> list[Step]:
    """Return what a function gives for all operators; raises ModelError with all its refusals."""
    found = list[Step]()
    refused: dict[str, list[str]] = {}
    for op in graph.operators:
        try:
            steps = function(graph, op)
        except ModelError as error:
            refused.setdefault(op.name, []).append(f"{op}: {error}")
            continue
        found += steps if isinstance(steps, list) else [steps]
    if refused:
        # The first of each kind says why; the others are counted.
        raise ModelError(
            "; ".join(
                first + (f" (and {len(more)} more {name})" if more else "")
                for name, (first, *more) in refused.items()
            )
        )
    return found


def _check_activations(graph: Graph, op: Operator) -> list[Step]:
    if not op.outputs:  # one that assigns a variable has it as its output by now
        raise ModelError("has no outputs; 1 is needed")
    for tensor in activations(graph, op):
        if tensor.type in RANGES and not (kind(op.name).as_they_are and not tensor.scales):
            check_quantisation(tensor)
    return []


def activations(graph: Graph, op: Operator) -> list[Tensor]:
    """Return the tensors that an operator reads and writes and that are no constants or states."""
    found = [graph.tensors[i] for i in (*op.inputs, *op.outputs) if i >= 0]
    return [tensor for tensor in found if tensor.data is None and tensor.initial is None]


def check_types(graph: Graph) -> None:
    """Raise ModelError unless all operators know the types of their activations."""
    wrong = [
        (op, tensor)
        for op in graph.operators
        for tensor in activations(graph, op)
        if tensor.type not in kind(op.name).types and not _has_own(graph, op)
    ]
    if not wrong:
        return
    op, tensor = wrong[0]
    counts = Counter({op.index: op.name for op, _ in wrong}.values())
    like = f"{counts.total()} of {len(graph.operators)} operators: {counted(counts)}"
    more = f"; so it is with {like}" if counts.total() > 1 else ""
    raise ModelError(f"{_unknown_type(graph, op, tensor)}{more}")


def _unknown_type(graph: Graph, op: Operator, tensor: Tensor) -> str:
    """Return what is wrong with the type of one of an operator's activations."""
    known = [*dict.fromkeys((*kind(op.name).types, *kind(op.name).by_type))]
    types = {each.type for each in activations(graph, op)}
    if types <= set(known):
        return (
            f"{op} works on {' and '.join(sorted(types))} at once ({tensor} is {tensor.type}), "
            f"where all are to be of one type: {', '.join(known)}; quantise the model as a whole, "
            f"by {CONVERTER}"
        )
    return (
        f"{tensor} is {tensor.type}, which {op.name} does not know; quantise to int8 first, by "
        f"{CONVERTER}"
    )


def _has_own(graph: Graph, op: Operator) -> bool:
    """Whether all activations of an operator are of one type that it has kernels of its own for."""
    types = {tensor.type for tensor in activations(graph, op)}
    return len(types) == 1 and types.pop() in kind(op.name).by_type


def planar_tensors(graph: Graph) -> frozenset[int]:
    """Return the activations that the DSP kernels keep channel by channel (CHW) in memory.

    A tensor is planar when all that touch it agree to that, and one of them wants it.
    """
    planar = {
        t.index for t in graph.tensors if t.data is None and t.type == "INT8" and len(t.shape) == 4
    }
    planar -= {*graph.inputs, *graph.outputs}
    asked = [(op, _planes(graph, op)) for op in graph.operators]
    while True:
        rejected: set[int] = set()
        for op, planes in asked:
            ends = {*op.inputs[:1], *op.outputs[:1]}
            split = planes.both and not ends <= planar
            if split or not planes.reads:
                rejected |= set(op.inputs)
            if split or not planes.writes:
                rejected |= set(op.outputs)
        if not rejected & planar:
            break
        planar -= rejected
    # Between convolutions nothing is won, and windows are gathered faster from NHWC.
    wanted = {tensor for _, planes in asked for tensor in planes.wanted}
    return frozenset(planar & wanted)


def _planes(graph: Graph, op: Operator) -> Planes:
    if any(tensor.type != "INT8" for tensor in activations(graph, op)):
        return Planes()
    try:
        return kind(op.name).planes(graph, op)
    except ModelError:
        return Planes()  # lower() reports it


def macs_share(graph: Graph, tensors: Sequence[int]) -> float:
    """Return the share of a model's multiplications that layers do, told by their weights' tensors.

    Of the model as given, in one whole evaluation. Raises ModelError.
    """
    _, steps = lower(graph, "blocked")
    whole = sum(step.macs for step in steps)
    of = sum(step.macs for step in steps if {*step.operator.inputs} & {*tensors})
    return of / whole if whole else 0.0
