"""What the windows of the performance and of the energy mode share: how many, on what, how long."""

import math
from collections.abc import Iterator, Sequence

from tinybench.plural import counted

from ..results.result import EnergyWindow, Result, Window
from .profile import Profile
from .rule import Rule, Ruling


def count(
    rule: Rule, windows: Sequence[Window | EnergyWindow], profile: Profile, mode: str
) -> Ruling:
    """Return whether there are as many windows as wanted, each on another input."""
    different = len({window.input for window in windows})
    return rule.judged(
        len(windows) == different == profile.windows,
        f"{profile.windows} windows on {profile.windows} different inputs",
        f"{len(windows)} windows on {different} inputs",
        f"run the {mode} mode whole",
    )


def first_inputs(
    rule: Rule, result: Result, windows: Sequence[Window | EnergyWindow], mode: str
) -> Ruling:
    """Return whether the windows ran on the first inputs of the set."""
    first = result.inputs.first or [
        answer.input for answer in (result.accuracy.answers if result.accuracy else [])
    ]
    first = first[: len(windows)]
    wanted = f"the first {len(windows)} inputs of the set"
    if len(first) < len(windows):
        return rule.not_judged(wanted, "the result does not say which inputs come first")
    found = [window.input for window in windows]
    others = [name for name in found if name not in first]
    return rule.judged(
        not others,
        f"{wanted}: {', '.join(first)}",
        "those" if not others else f"also {', '.join(others)}",
        f"run the {mode} mode on the first inputs",
    )


def duration(
    rule: Rule,
    spans_s: Sequence[float | None],
    iterations: Sequence[int],
    least_s: float,
    clock: str = "",
) -> Iterator[Ruling]:
    """Yield each window that is too short, with how many iterations it lacks; or that none is."""
    wanted = f"at least {least_s:g} s in every window{clock}"
    known_s = [span_s for span_s in spans_s if span_s is not None]
    short = [number for number, span_s in enumerate(spans_s, 1) if (span_s or least_s) < least_s]
    for number in short:
        span_s, done = max(spans_s[number - 1] or 0.0, 1e-6), iterations[number - 1]
        more = max(1, math.ceil(done * (least_s / span_s - 1)))
        yield rule.broken(wanted, f"window {number} lasted {span_s:.3f} s", _more(more))
    if known_s and not short:
        yield rule.kept(wanted, f"{min(known_s):.3f} to {max(known_s):.3f} s")


def iterations(
    rule: Rule, spans_s: Sequence[float | None], done: Sequence[int], profile: Profile
) -> Iterator[Ruling]:
    """Yield each window of too few inferences, unless it lasted long enough; or that none is."""
    wanted = f"at least {profile.window_min_iterations} inferences in every window"
    if profile.window_max_s is not None:
        wanted += f", or {profile.window_max_s:g} s"
    few = [
        number
        for number, (span_s, count) in enumerate(zip(spans_s, done, strict=True), start=1)
        if count < profile.window_min_iterations
        and (profile.window_max_s is None or (span_s or 0.0) < profile.window_max_s)
    ]
    for number in few:
        more = profile.window_min_iterations - done[number - 1]
        yield rule.broken(wanted, f"window {number} had {done[number - 1]}", _more(more))
    if done and not few:
        yield rule.kept(
            wanted, f"{min(done)} to {max(done)}" if len(set(done)) > 1 else f"{done[0]}"
        )


def _more(count: int) -> str:
    return counted(count, "more iteration")
