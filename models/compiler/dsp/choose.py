"""Choose which convolutions take more memory than they must, to be faster."""

import msgspec

from tinybench.errors import ModelError

from ..graph import Graph, Operator
from ..layer import Convolution
from ..layout import lay_out
from ..operators import conv_2d
from ..step import Step
from . import winograd

TOGETHER, LEAST_PASSES = 3, 4
"""Pixels for which all weights are read, and how often that is at least worth a copy."""
TRIED_MOST = 16
"""Layers that are tried one by one where not all of them fit: each plans the arena anew ..."""
STEPS_MOST = 160
"""... in a model of so many steps; of more, fewer layers are tried."""
ARENA_MORE = 512
"""The arena may grow by one part of so many."""


def faster(graph: Graph, steps: list[Step], flash_b: int | None) -> list[Step]:
    """Return the steps with those convolutions by Winograd that flash and arena have room for.

    `flash_b`: for all constants; None for any. Where that is too little, layers go first that save
    the fewest products for their bytes.
    """
    chosen = {i: fast for i, step in enumerate(steps) if (fast := by_winograd(graph, step))}
    total_b = sum(step.weights_b for step in steps)
    more = {i: fast.weights_b - steps[i].weights_b for i, fast in chosen.items()}
    if flash_b is not None:
        for i in sorted(chosen, key=lambda i: chosen[i].macs / max(1, more[i])):
            if total_b + sum(more[j] for j in chosen) <= flash_b:
                break
            del chosen[i]
    if not chosen:
        return steps
    most_b = lay_out(graph, steps).arena_b
    most_b += most_b // ARENA_MORE
    while chosen:
        mixed = [chosen.get(i, step) for i, step in enumerate(steps)]
        memory = lay_out(graph, mixed, most_b)
        if memory.arena_b <= most_b:
            return mixed
        widest = max(memory.in_use[i] for i in chosen)
        least = min(widest, most_b + 1)
        chosen = {i: fast for i, fast in chosen.items() if memory.in_use[i] < least}
    return steps


def kept_in_ram(graph: Graph, steps: list[Step], more_b: int = 0) -> list[Step]:
    """Return the steps with those convolutions that copy their weights, where the arena has room.

    It grows by `more_b` at most; flash makes a core wait for each line that it reads again.
    """
    memory = lay_out(graph, steps)
    most_b = memory.arena_b + more_b
    keeping = dict[int, Step]()
    for i, step in enumerate(steps):
        if step.function in conv_2d.BY_THREES:
            at = -(-step.scratch_b // 4) * 4
            needed_b = at + step.weights_b
            passes = int(step.fields["out_h"] * step.fields["out_w"]) // TOGETHER
            less_b = memory.in_use[i] - step.scratch_b
            if less_b + needed_b <= most_b and passes >= LEAST_PASSES:
                keeping[i] = msgspec.structs.replace(
                    step, fields={**step.fields, "kept_at": at}, scratch_b=needed_b
                )
    together = [keeping.get(i, step) for i, step in enumerate(steps)]

    def fits(mixed: list[Step]) -> bool:
        return lay_out(graph, mixed, most_b).arena_b <= most_b

    if not keeping or fits(together):
        return together
    least_first = sorted(keeping, key=lambda i: memory.in_use[i] + keeping[i].weights_b)
    for i in least_first[: TRIED_MOST * STEPS_MOST // max(STEPS_MOST, len(steps))]:
        mixed = [keeping[i] if j == i else step for j, step in enumerate(steps)]
        if fits(mixed):
            steps = mixed
    return steps


def ends_of_tiles(graph: Graph) -> frozenset[int]:
    """Return what the convolutions read and write that can be computed by Winograd."""
    ends = set[int]()
    for op in graph.operators:
        if op.name == "CONV_2D" and (conv := _tiled(graph, op)) is not None:
            ends |= {conv.source.index, conv.target.index}
    return frozenset(ends)


def _tiled(graph: Graph, op: Operator) -> Convolution | None:
    """Return a convolution that can be computed by Winograd; None for any other."""
    try:
        conv = conv_2d.read(graph, op)
    except ModelError:  # of other types, or of a batch
        return None
    return conv if winograd.possible(conv) else None


def by_winograd(graph: Graph, step: Step) -> Step | None:
    """Return the call of the faster kernel in place of a step; None where there is none."""
    op = step.operator
    if step.function not in conv_2d.BY_THREES or op.name != "CONV_2D" or step.images > 1:
        return None
    if step.fields["in_planar"] or step.fields["out_channel_stride"] != 1:
        return None
    conv = _tiled(graph, op)
    short = None if conv is None else conv.channels.short
    return None if conv is None or short is None else winograd.step(op, conv, short)
