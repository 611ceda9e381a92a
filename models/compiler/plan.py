"""Place buffers with limited lives in one arena, as tightly as a greedy order finds."""

from collections.abc import Sequence

import msgspec

ALIGNMENT_B = 8


class Buffer(msgspec.Struct, frozen=True):
    """A piece of memory, live from step `first` to step `last`, both included."""

    size_b: int
    first: int
    last: int


def plan(buffers: Sequence[Buffer]) -> tuple[list[int], int]:
    """Return the offset of each buffer and the size of the arena, in bytes.

    Buffers that live at the same time never overlap; offsets are multiples of ALIGNMENT_B. Two
    greedy orders (by size, by length of life) are tried and the smaller arena is taken.
    """
    orders = (
        sorted(range(len(buffers)), key=lambda i: (-buffers[i].size_b, i)),
        sorted(range(len(buffers)), key=lambda i: (buffers[i].first - buffers[i].last, i)),
    )
    return min((_place(buffers, order) for order in orders), key=lambda placed: placed[1])


def _place(buffers: Sequence[Buffer], order: Sequence[int]) -> tuple[list[int], int]:
    """Give each buffer, in this order, the lowest gap among those placed before."""
    offsets = [0] * len(buffers)
    placed: list[int] = []
    for i in order:
        rivals = sorted(
            (offsets[j], offsets[j] + buffers[j].size_b)
            for j in placed
            if buffers[j].first <= buffers[i].last and buffers[i].first <= buffers[j].last
        )
        offset = 0
        for start, end in rivals:
            if offset + buffers[i].size_b <= start:
                break
            offset = max(offset, -(-end // ALIGNMENT_B) * ALIGNMENT_B)
        offsets[i] = offset
        placed.append(i)
    size_b = max((offsets[i] + b.size_b for i, b in enumerate(buffers)), default=0)
    return offsets, size_b
