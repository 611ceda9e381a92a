"""Which edges make which window: two of each infer, and windows of equal work equally long."""

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tinybench.plural import counted

from .trace import Edge, Infer, Trace

DEBOUNCE_S = 50e-6
"""Edges closer than this are one. Ref: energyrunner README, energy mode."""
LENGTHS_MAX = 1.25
"""The longest window over the shortest, for an inference, where something else says that they are
windows: a DUT on a busy computer spreads by a tenth either way."""
LENGTHS_ALONE_MAX = 1.05
"""... where nothing else does. Ref: published traces, 1.01 at most."""
STEP_MIN = 1.5
"""Power in the windows over that between them, or the other way round, from which on it tells one
from the other. Ref: published traces, 0.86 to 1.4."""
ALIKE_MAX = 1.02
"""Windows that are this much alike once an edge is left out show that it was a false one."""
SEARCHED_MAX = 64
"""Edges among which false ones are looked for."""


@dataclass(frozen=True)
class Span:
    """An infer, its two edges, and what is wrong with them."""

    infer: Infer | None
    start: Edge | None
    stop: Edge | None
    faults: tuple[str, ...] = ()


def debounced(edges: Sequence[Edge]) -> list[Edge]:
    """Return the edges in order, of those closer than DEBOUNCE_S only the first."""
    kept: list[Edge] = []
    for edge in sorted(edges, key=lambda edge: edge.time_s):
        if not kept or edge.time_s - kept[-1].time_s >= DEBOUNCE_S:
            kept.append(edge)
    return kept


def placed(trace: Trace) -> bool:
    """Return whether the trace knows of each infer when it was asked."""
    bounds = [(infer.start_s, infer.stop_s) for infer in trace.infers]
    return bool(bounds) and all(None not in pair for pair in bounds)


def spans(trace: Trace, edges: list[Edge]) -> tuple[list[Span], list[str], list[str]]:
    """Give each infer its two edges; also return faults and warnings of the trace as a whole.

    An infer that was asked again has edges too, and no span.
    """
    if trace.windows:
        known = trace.infers or [None] * len(trace.windows)
        pairs = zip(known, trace.windows, strict=True)
        return [Span(infer, start, stop) for infer, (start, stop) in pairs], [], []
    if placed(trace):
        return _by_bounds(trace, edges)
    marks, count = trace.head.marks, len(trace.infers)
    wanted = f"{counted(marks, 'mark')} and two for each of {counted(count, 'infer')}"
    pairs = edges[marks:]
    faults = []
    if count and len(edges) != marks + 2 * count:
        faults = [f"{len(edges)} edges, where {wanted} make {marks + 2 * count}"]
    elif len(pairs) % 2:
        faults = [f"{len(edges)} edges: after {marks} of a mark they do not pair up"]
    infers: list[Infer | None] = [*trace.infers] if count else [None] * (len(pairs) // 2)
    found: list[Span] = []
    for number, infer in enumerate(infers):
        pair = pairs[2 * number : 2 * number + 2]
        if len(pair) == 2:
            found.append(Span(infer, pair[0], pair[1]))
        else:
            found.append(Span(infer, None, None, ("it has no two edges",)))
    if faults and (said := _false(edges, marks)):
        faults = [f"{faults[0]}: {said}"]
    return _counted(found), faults, []


def _by_bounds(trace: Trace, edges: list[Edge]) -> tuple[list[Span], list[str], list[str]]:
    found: list[Span] = []
    used = 0
    for infer in trace.infers:
        low_s, high_s = infer.start_s or 0.0, infer.stop_s or 0.0
        within = [edge for edge in edges if low_s <= edge.time_s <= high_s]
        used += len(within)
        if len(within) == 2:
            found.append(Span(infer, within[0], within[1]))
        else:
            edges_ = counted(len(within), "edge")
            found.append(Span(infer, None, None, (f"{edges_} where two belong",)))
    outside, marks = len(edges) - used, trace.head.marks
    warnings = []
    if outside != marks:
        warnings.append(f"{counted(outside, 'edge')} outside of every infer, where {marks} belong")
    return _counted(found), [], warnings


def _counted(found: list[Span]) -> list[Span]:
    return [span for span in found if span.infer is None or not span.infer.again]


def unequal(
    found: list[Span],
    edges: list[Edge],
    marks: int,
    most: float,
    why: str = "an edge is false or missing",
) -> str | None:
    """Return what is wrong where windows do not last equally long for an inference, within `most`.

    Where the number of inferences is not known, it is taken to be the same in all.
    """
    whole = [
        (span.infer.iterations if span.infer else 0, span.start, span.stop)
        for span in found
        if span.start and span.stop
    ]
    known = all(count for count, _, _ in whole)
    lengths = [
        ((stop.time_s - start.time_s) / share, (start.uncertainty_s + stop.uncertainty_s) / share)
        for count, start, stop in whole
        for share in (count if known else 1,)
    ]
    if len(lengths) < 2:
        return None
    shortest_s = min(length_s + doubt_s for length_s, doubt_s in lengths)
    longest_s = max(length_s - doubt_s for length_s, doubt_s in lengths)
    if longest_s <= most * shortest_s:
        return None
    alike = len({count for count, _, _ in whole}) == 1
    scale = whole[0][0] if known and alike else 1
    each_s = [length_s * scale for length_s, _ in lengths]
    said = (
        f"windows of equal work last {min(each_s):.4g} s to {max(each_s):.4g} s"
        f"{'' if alike else ' an inference'}: {why}"
    )
    return f"{said}; {more}" if alike and (more := _false(edges, marks)) else said


def told_by_power(within_w: list[float], between_w: list[float]) -> bool | str:
    """Return whether power tells windows from pauses, or why they are none.

    Every window then has more than halfway from the one to the other, and every pause less.
    """
    if not within_w or not between_w:
        return False
    high_w, low_w = statistics.median(within_w), statistics.median(between_w)
    if high_w * STEP_MIN < low_w:
        return (
            f"between the windows the DUT takes {low_w * 1e3:.4g} mW, in them "
            f"{high_w * 1e3:.4g} mW: the pairing is shifted, an edge before the first window is "
            "false or missing"
        )
    if high_w <= low_w * STEP_MIN:
        return False
    half_w = (high_w + low_w) / 2
    if min(within_w) < half_w or max(between_w) > half_w:
        return (
            f"windows take {min(within_w) * 1e3:.4g} to {max(within_w) * 1e3:.4g} mW, the pauses "
            f"between them {min(between_w) * 1e3:.4g} to {max(between_w) * 1e3:.4g} mW: edges are "
            "false or missing"
        )
    return True


def _false(edges: list[Edge], marks: int) -> str | None:
    """Name the one or two edges without which all windows last equally long, if there are any."""
    times_s = [edge.time_s for edge in edges]
    if len(times_s) > SEARCHED_MAX:
        return None
    for left_out in (1, 2):
        found = []
        for culprits in itertools.combinations(range(len(times_s)), left_out):
            kept = [at_s for place, at_s in enumerate(times_s) if place not in culprits][marks:]
            if len(kept) % 2 == 0 and len(kept) >= 4:
                lengths_s = [
                    last - first for first, last in zip(kept[::2], kept[1::2], strict=True)
                ]
                found.append((max(lengths_s) / min(lengths_s), culprits))
        best = min(found, default=(ALIKE_MAX, ()))[0]
        if best < ALIKE_MAX:
            # Before the first window one edge is as good as another.
            named = " or ".join(
                " and ".join(f"{times_s[place]:.6f} s" for place in culprits)
                for spread, culprits in found
                if spread <= best * (1 + 1e-9)
            )
            return (
                f"without the edge{'' if left_out == 1 else 's'} at {named} all windows are "
                f"equally long; {'it is a false pulse' if left_out == 1 else 'they are false'}, "
                "it seems"
            )
    return None
