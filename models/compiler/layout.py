"""Decide where each tensor lives: upload buffer, arena or result, shared where lives allow it."""

import msgspec

from tinybench.errors import ModelError

from .graph import Graph
from .plan import Buffer, plan
from .step import Step

SCRATCH = "scratch of "
"""Before the name of an operator whose memory it is."""


class Life(msgspec.Struct, frozen=True):
    """A piece of the arena: a tensor, or the scratch memory of an operator."""

    what: str
    """Name of the tensor; of scratch memory, the operator."""
    offset_b: int
    size_b: int
    first: int
    """Operator from which on it is in use, by its place in the model ..."""
    last: int
    """... and to which, included."""


class Memory(msgspec.Struct, frozen=True):
    """Where tensors live, as C expressions of the generated file."""

    places: dict[int, str]
    """By tensor index."""
    scratch: dict[int, str]
    """Scratch memory, by step."""
    arena_b: int
    in_use: list[int]
    """Bytes of the arena that are live during each step."""
    lives: list[Life]
    """What is in the arena, in the order in which it comes to life."""


def lay_out(graph: Graph, steps: list[Step], enough_b: int = 0) -> Memory:
    """Place all activations and scratch memory; an arena of `enough_b` is as good as a smaller one.

    The model's input is never overwritten, its output survives until the next inference, and a
    state for good: all live outside the arena. A reshaped tensor is the same memory by another
    name.
    """
    states = {t.index for t in graph.tensors if t.initial is not None}
    same = {t: t for t in (*graph.inputs, *states)}
    for step in steps:
        same[step.output] = step.output if step.function else same[step.inputs[0]]
    inputs, outputs = set(graph.inputs), {same[t] for t in graph.outputs}
    if inputs & outputs:
        raise ModelError("the model's output is its input, reshaped: there is nothing to compute")

    first = {same[step.output]: i for i, step in reversed(list(enumerate(steps)))}
    constants = {t.index for t in graph.tensors if t.data is not None}
    outside = inputs | outputs | states
    last = {
        same[t]: i
        for i, step in enumerate(steps)
        for t in (step.output, *step.inputs)
        if t not in constants
    }

    tensors = [t for t in first if t not in outside]
    scratched = [i for i, step in enumerate(steps) if step.scratch_b]
    buffers = [Buffer(graph.tensors[t].size_b, first[t], last[t]) for t in tensors]
    buffers += [Buffer(steps[i].scratch_b, *_together(steps, i)) for i in scratched]
    index = {t: i for i, t in enumerate(tensors)}
    overlaps = {
        (index[same[step.output]], index[same[t]]): overlap
        for i, step in enumerate(steps)
        for t, overlap in step.overlaps.items()
        if same[step.output] in index and same[t] in index and last[same[t]] == i
    }
    offsets, arena_b = plan(buffers, overlaps, enough_b)
    whose = [graph.tensors[t].name for t in tensors]
    whose += [f"{SCRATCH}{steps[i].operator}" for i in scratched]

    places = {same[t]: f"output_{i}" for i, t in enumerate(graph.outputs)}
    places |= {t: f"input_{i}" for i, t in enumerate(graph.inputs)}
    places |= {t: f"state_{t}" for t in states}
    places |= {t: f"arena + {offset}" for t, offset in zip(tensors, offsets, strict=False)}
    return Memory(
        places={t: places[root] for t, root in same.items()}
        | {t: f"constant_{t}" for step in steps for t in step.inputs if t in constants},
        scratch={
            i: f"arena + {offset}"
            for i, offset in zip(scratched, offsets[len(tensors) :], strict=True)
        },
        arena_b=arena_b,
        in_use=_in_use(buffers, offsets, len(steps)),
        lives=sorted(
            (
                Life(
                    what,
                    offset,
                    b.size_b,
                    min(step.operator.index for step in steps[b.first : b.last + 1]),
                    max(step.operator.index for step in steps[b.first : b.last + 1]),
                )
                for what, b, offset in zip(whose, buffers, offsets, strict=True)
            ),
            key=lambda life: (life.first, life.offset_b),
        ),
    )


def _together(steps: list[Step], i: int) -> tuple[int, int]:
    """Return the first and the last of the steps that are computed at the same time as one."""
    if steps[i].beside:
        return i - 1, i
    return (i, i + 1) if i + 1 < len(steps) and steps[i + 1].beside else (i, i)


def _in_use(buffers: list[Buffer], offsets: list[int], steps: int) -> list[int]:
    """Return the bytes that belong to a live buffer in each step; some belong to two."""
    end, used = [0] * steps, [0] * steps
    for offset, b in sorted(zip(offsets, buffers, strict=True), key=lambda pair: pair[0]):
        for step in range(b.first, b.last + 1):
            used[step] += max(0, offset + b.size_b - max(end[step], offset))
            end[step] = max(end[step], offset + b.size_b)
    return used
