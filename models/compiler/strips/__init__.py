"""Compute the widest operators of a model strip by strip, so that none of their tensors is whole.

Where a tensor between two operators is what makes the arena as large as it is, a run of operators
around it is computed for some rows of its last output, then for the next: what lies between them
holds but those rows. Rows that the next strip reads again are kept, and none is computed twice.
Each value is the sum of the same products as before, by the same kernels: no output changes.
"""

import heapq
import math
from collections.abc import Callable, Iterator, Sequence

import msgspec

from ..graph import Graph
from ..layout import lay_out
from ..plan import at_once_b
from ..step import Step, Variant
from .cut import COPY, Calls, LowerOne, as_whole, at_least, cut
from .run import Link, links

__all__ = ["COPY", "InStrips", "Strips", "in_strips", "least_b"]

LONGEST = 8
"""Operators that are computed together."""
MOST = 12
"""Strips."""
GAIN = 8
"""The arena must shrink by one part of so many, at least ..."""
LEAST_B = 4096
"""... and by so many bytes: less is not worth the time that strips take."""
CALL_B = 128
"""Bytes that a call of a kernel more must save: it takes time, and flash."""
TRIED_MOST = 12
"""Ways that are laid out, which takes longer than to guess what they need."""
BOUND = -1
"""In place of a price, of a way that is not cut yet: it comes before guesses of as many bytes."""


class Strips(msgspec.Struct, frozen=True, kw_only=True):
    """Operators, one reading what the one before it wrote, that are computed strip by strip."""

    first: int
    """The first operator ..."""
    last: int
    """... and the last, by their places in the model."""
    count: int
    """Strips."""
    rows: int
    """Of the last operator's output, in each strip but the last."""
    kept_b: int
    """Bytes of rows that are kept from one strip to the next, all of one inference."""
    arena_b: int
    """Bytes of the arena without this."""


class InStrips(msgspec.Struct, frozen=True):
    """A model some of whose operators are computed strip by strip."""

    graph: Graph
    steps: list[Step]
    strips: list[Strips]
    """Empty where it is as it was."""


Whole = Callable[[Graph, Step], bool]


def in_strips(
    graph: Graph, steps: list[Step], variant: Variant, lower_one: LowerOne, whole: Whole
) -> InStrips:
    """Return the steps of a model whose arena is no larger than it must be, with what was done.

    `variant` is what `steps` are lowered for, by `lower_one`. `whole`: steps that are much faster
    at once. Operators are computed whole where strips would not save memory worth their time.
    """
    found, calls = list[Strips](), Calls(graph, variant, lower_one)
    while (better := _better(graph, steps, calls, whole)) is not None:
        graph, steps, done = better
        found.append(done)
    return InStrips(graph, steps, sorted(found, key=lambda one: one.first))


def _better(
    graph: Graph, steps: list[Step], calls: Calls, whole: Whole
) -> tuple[Graph, list[Step], Strips] | None:
    """Return the steps with one more run of operators in strips; None where none is worth it."""
    if not steps:
        return None
    memory = lay_out(graph, steps)
    most_b = min(memory.arena_b - memory.arena_b // GAIN, memory.arena_b - LEAST_B)
    if most_b <= 0:
        return None
    widest = max(range(len(steps)), key=lambda i: memory.in_use[i])
    around = links(graph, steps, widest, whole)
    planar = calls.variant.planar
    outside = {*graph.inputs, *graph.outputs}
    ways = list(_ways(around, widest))
    waiting = list[tuple[int, int, int]]()
    for number, (_, part, rows) in enumerate(ways):
        ends = {part[0].step.inputs[0], part[-1].step.output} - outside
        if sum(graph.tensors[i].size_b for i in ends) > most_b:
            continue  # both are whole until the last strip
        bound_b, calls_more = at_least(graph, part, rows)
        waiting.append((bound_b + CALL_B * calls_more, BOUND, number))
    heapq.heapify(waiting)
    best_b, best, tried = most_b, None, 0
    while waiting and tried < TRIED_MOST:
        guess_b, price_b, number = heapq.heappop(waiting)
        if guess_b > most_b or (best is not None and guess_b >= best_b):
            break
        first, part, rows = ways[number]
        if price_b == BOUND:
            made = cut(graph, part, rows, planar, as_whole)
            if made is not None:
                price_b = CALL_B * (len(made.steps) - len(part))
                guess_b = least_b(made.graph, _put(steps, first, part, made.steps)) + price_b
                heapq.heappush(waiting, (guess_b, price_b, number))
            continue
        made = cut(graph, part, rows, planar, calls.of)
        if made is None:
            continue
        tried += 1
        less = _put(steps, first, part, made.steps)
        worth_b = lay_out(made.graph, less).arena_b + price_b
        if worth_b < best_b:
            best_b, best = worth_b, msgspec.structs.replace(made, steps=less)
    if best is None:
        return None
    done = Strips(
        first=best.first, last=best.last, count=best.count, rows=best.rows, kept_b=best.kept_b,
        arena_b=memory.arena_b,
    )  # fmt: skip
    return best.graph, best.steps, done


def _put(steps: list[Step], first: int, part: Sequence[Link], new: list[Step]) -> list[Step]:
    """Return steps with others in place of a run, which begins at `first`."""
    return [*steps[:first], *new, *steps[first + len(part) :]]


def _ways(around: Sequence[tuple[int, Link]], widest: int) -> Iterator[tuple[int, list[Link], int]]:
    """Yield where a run of operators begins, the run, and the rows of its strips."""
    for begin, (first, _) in enumerate(around):
        for end in range(begin + 2, min(len(around), begin + LONGEST) + 1):
            last = around[end - 1][0]
            if not first <= widest <= last:
                continue
            part = [link for _, link in around[begin:end]]
            high = part[-1].window.out_h
            # An even number, as several kernels compute two rows together.
            each = {2 * math.ceil(high / count / 2) for count in range(2, MOST + 1)}
            yield from ((first, part, rows) for rows in sorted(each) if rows < high)


def least_b(graph: Graph, steps: Sequence[Step]) -> int:
    """Return how many bytes are alive at once, at least; quicker than to place them."""
    outside = {*graph.inputs, *graph.outputs}
    names = dict[int, int]()
    for step in steps:
        names[step.output] = (
            step.output if step.function else names.get(step.inputs[0], step.inputs[0])
        )
    first, last = dict[int, int](), dict[int, int]()
    for i, step in enumerate(steps):
        for tensor in (step.output, *step.inputs):
            root = names.get(tensor, tensor)
            if root in last:
                last[root] = i
                continue
            given = graph.tensors[root]
            if root not in outside and given.data is None and given.initial is None:
                first[root] = last[root] = i
    each_b = {tensor: graph.tensors[tensor].size_b for tensor in first}
    alive = [(each_b[tensor], first[tensor], last[tensor]) for tensor in first]
    for i, step in enumerate(steps):
        if step.scratch_b:
            alive.append((step.scratch_b, i, i))
        if step.overlaps and step.output in first:
            roots = (names.get(t, t) for t in step.overlaps)
            shared_b = max((each_b[t] for t in roots if last.get(t) == i), default=0)
            alive.append((-min(shared_b, each_b[step.output]), i, i))
    return at_once_b(alive)
