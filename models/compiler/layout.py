"""Decide where each tensor lives: upload buffer, arena or result, shared where lives allow it."""

import msgspec

from ...runner.errors import ModelError
from .graph import Graph
from .lower import Step
from .plan import Buffer, plan


class Memory(msgspec.Struct, frozen=True):
    """Where tensors live, as C expressions of the generated file."""

    places: dict[int, str]
    """By tensor index."""
    scratch: dict[int, str]
    """Scratch memory, by operator index."""
    arena_b: int
    in_use: list[int]
    """Bytes of the arena that are live during each step."""


def lay_out(graph: Graph, steps: list[Step]) -> Memory:
    """Place all activations and scratch memory.

    The model's input is never overwritten, and its output survives until the next inference: both
    live outside the arena. A reshaped tensor is the same memory by another name.
    """
    same = {graph.input: graph.input}
    for step in steps:
        same[step.output] = step.output if step.function else same[step.inputs[0]]
    source, target = graph.input, same[graph.output]
    if source == target:
        raise ModelError("the model's output is its input, reshaped: there is nothing to compute")

    first = {same[step.output]: i for i, step in reversed(list(enumerate(steps)))}
    last = {same[t]: i for i, step in enumerate(steps) for t in (step.output, *step.inputs)}

    # Tensors that take over each other's memory form one buffer.
    owner: dict[int, int] = {}
    for i, step in enumerate(steps):
        tensor = same[step.output]
        if not step.function or tensor == target:
            continue
        owner[tensor] = tensor
        for candidate in (same[t] for t in step.in_place):
            if candidate not in (source, target) and last[candidate] == i:
                owner[tensor] = owner[candidate]
                break
    members: dict[int, list[int]] = {}
    for tensor, head in owner.items():
        members.setdefault(head, []).append(tensor)
    heads = list(members)
    buffers = [
        Buffer(
            size_b=max(graph.tensors[t].elements for t in members[head]),
            first=first[head],
            last=max(last[t] for t in members[head]),
        )
        for head in heads
    ]
    scratched = [(i, step) for i, step in enumerate(steps) if step.scratch_b]
    buffers += [Buffer(step.scratch_b, i, i) for i, step in scratched]
    offsets, arena_b = plan(buffers)

    places = {source: "input", target: "output"}
    for head, offset in zip(heads, offsets, strict=False):
        places |= dict.fromkeys(members[head], f"arena + {offset}")
    return Memory(
        places={t: places[root] for t, root in same.items()},
        scratch={
            step.operator.index: f"arena + {offset}"
            for (_, step), offset in zip(scratched, offsets[len(heads) :], strict=True)
        },
        arena_b=arena_b,
        in_use=[
            sum(b.size_b for b in buffers if b.first <= i <= b.last) for i in range(len(steps))
        ],
    )
