"""When clients can be reached: traces of the times at which each becomes active and inactive."""

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tinybench.errors import UsageError
from tinybench.files import DOCUMENT_MOST_B, read_bytes
from tinybench.read import read_json

ROUNDING = 1e-9
"""Of a trace's length: times nearer than that are one."""


class Trace(msgspec.Struct, frozen=True):
    """Of a client, repeated for ever. Ref: FedScale, client_behave_trace."""

    active: list[float]
    """Seconds at which it becomes reachable, in order ..."""
    inactive: list[float]
    """... and at which it is lost again, each after its own and before the next of these."""
    finish_time: float
    """Length of the trace."""


def always() -> Trace:
    """Return the trace of a client that is always there."""
    return Trace([0.0], [1.0], 1.0)


def _within(trace: Trace, at_s: float) -> float:
    """Return the time in the trace; what rounding has put just before its end is its beginning."""
    within = at_s % trace.finish_time
    return 0.0 if trace.finish_time - within <= ROUNDING * trace.finish_time else within


def remains_s(trace: Trace, at_s: float) -> float:
    """Return how long the client will be there; 0: it is not there now."""
    within = _within(trace, at_s)
    turn = bisect_right(trace.active, within + ROUNDING * trace.finish_time) - 1
    if turn < 0 or within >= trace.inactive[turn]:
        return 0.0
    left = trace.inactive[turn] - within
    at = trace.inactive[turn]
    for more in range(1, len(trace.active) + 1):  # spans that touch are one
        then = turn + more
        wrapped = then % len(trace.active)
        begins = trace.active[wrapped] + (trace.finish_time if then >= len(trace.active) else 0)
        if begins != at:
            return left
        length = trace.inactive[wrapped] - trace.active[wrapped]
        left, at = left + length, begins + length
    return float("inf")


def next_s(trace: Trace, at_s: float) -> float:
    """Return when the client will be there next: now, or later."""
    if remains_s(trace, at_s) > 0:
        return at_s
    within = _within(trace, at_s)
    begun = at_s - within
    later = [one for one in trace.active if one > within]
    return begun + (later[0] if later else trace.finish_time + trace.active[0])


def read_traces(path: Path) -> list[Trace]:
    """Return the traces of a JSON file, a list or one under the name of each client.

    Raises UsageError for a file that has none, or one that goes back in time.
    """
    try:
        data = read_bytes(path, DOCUMENT_MOST_B)
        found = read_json(data, type=list[Trace] | dict[str, Trace])
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except msgspec.MsgspecError as error:
        raise UsageError(
            f'{path}: no traces: {error}; wanted [{{"active": [0], "inactive": [3600], '
            '"finish_time": 86400}, ...], in seconds'
        ) from error
    traces = list(found.values()) if isinstance(found, dict) else found
    if not traces:
        raise UsageError(f"{path}: there is no trace in it")
    for number, one in enumerate(traces, 1):
        _check(path, number, one)
    return traces


def _check(path: Path, number: int, one: Trace) -> None:
    if not one.active or len(one.active) != len(one.inactive):
        raise UsageError(
            f"{path}: trace {number}: {len(one.active)} active and {len(one.inactive)} inactive "
            "times; it needs as many of both, at least one"
        )
    times: Sequence[float] = [
        t for pair in zip(one.active, one.inactive, strict=True) for t in pair
    ]
    if times[0] < 0 or times != sorted(times) or times[-1] > one.finish_time:
        raise UsageError(
            f"{path}: trace {number}: its times do not follow each other, from 0 to finish_time"
        )
    least_s = 2 * ROUNDING * one.finish_time
    if any(b - a <= least_s for a, b in zip(one.active, one.inactive, strict=True)):
        raise UsageError(f"{path}: trace {number}: it has a span of no length")
