"""Name the rules that the windows of a published run break: how many, on which inputs, how long."""

import math
from collections.abc import Iterator, Sequence

from tinybench.energy.methods import RuleResult

from ..rules import ENERGY_README, README, RULES, WINDOW_MIN_S, WINDOWS, Violation
from .evidence import Inferred
from .labels import LabelList
from .printed import positive
from .read import Read
from .text import some_names

CLOCK_SHARE_MAX = 0.02
"""By how much the DUT's clock may be off the host's; the worst oscillator in a microcontroller."""
UNIT_OFF_SHARE = 0.1
HOST_MIN_US = 2_000_000
"""Shorter windows say nothing of clocks."""
HOST_LATE_US = 100_000
"""By how much the host may note a line late."""


def windows(run: Read, known: LabelList | None) -> Iterator[Violation]:
    """Yield what is wrong with the windows of a performance run, by the DUT's clock."""
    inferred = run.evidence.inferred
    if inferred:
        yield from _which_inputs([one.input for one in inferred], known, README, run.mode)
    spans_s = [None if o.elapsed_us is None else o.elapsed_us * 1e-6 for o in inferred]
    counts = [one.iterations for one in inferred]
    if not inferred:
        spans_s = [positive(window.runtime_s) for window in run.printed.performance]
        counts = [window.iterations or 0 for window in run.printed.performance]
        if run.printed.performance and len(spans_s) != WINDOWS:
            yield _count(len(spans_s), README, run.mode)
    yield from _durations(spans_s, counts, README)
    for number, one in enumerate(inferred, start=1):
        yield from _clock(number, one)


def energy(run: Read, rule: RuleResult | None, known: LabelList | None) -> Iterator[Violation]:
    """Yield what is wrong with the windows of an energy run, by the monitor's clock."""
    inferred = run.evidence.inferred
    if inferred:
        yield from _which_inputs([one.input for one in inferred], known, ENERGY_README, "energy")
    if rule is not None:
        spans_s = [window.elapsed_s for window in rule.windows]
        counts = [window.iterations or 0 for window in rule.windows]
    else:
        spans_s = [positive(window.runtime_s) for window in run.printed.energy]
        counts = [window.iterations or 0 for window in run.printed.energy]
        spans_s = [span_s for span_s in spans_s if span_s is not None]
        counts = counts[: len(spans_s)]
    if len(inferred) in (0, WINDOWS) and spans_s and len(spans_s) != WINDOWS:
        yield _count(len(spans_s), ENERGY_README, "energy")
    if rule is None and run.printed.energy_uj:
        yield Violation(
            "missing-trace",
            RULES + ", results can be reproduced",
            "the samples of the monitor",
            "no trace that can be read",
            "publish the trace",
        )
    yield from _durations(spans_s, counts, ENERGY_README)


def _which_inputs(
    names: Sequence[str], known: LabelList | None, clause: str, mode: str
) -> Iterator[Violation]:
    if len(names) != WINDOWS or len(set(names)) != len(names):
        yield _count(len(names), clause, mode, len(set(names)))
    elif known is not None and set(names) != set(list(known.labels)[:WINDOWS]):
        first = list(known.labels)[:WINDOWS]
        yield Violation(
            "first-inputs",
            clause,
            f"the first {WINDOWS} inputs of the list: {', '.join(first)}",
            some_names(names, WINDOWS),
            f"run the {mode} mode on the first inputs",
        )


def _count(count: int, clause: str, mode: str, different: int | None = None) -> Violation:
    on = "" if different is None else f" on {different} inputs"
    return Violation(
        f"{mode}-windows",
        clause,
        f"{WINDOWS} windows on {WINDOWS} different inputs",
        f"{count} windows{on}",
        f"run the {mode} mode whole",
    )


def _durations(
    spans_s: Sequence[float | None], counts: Sequence[int], clause: str
) -> Iterator[Violation]:
    for number, (span_s, count) in enumerate(zip(spans_s, counts, strict=True), start=1):
        if span_s is None:
            yield Violation(
                "window-clock",
                clause,
                "two time stamps in every window",
                f"window {number} has none, or one",
                "run it again",
            )
        elif span_s < WINDOW_MIN_S:
            more = int(count * (WINDOW_MIN_S / max(span_s, 1e-6) - 1)) + 1
            yield Violation(
                "window-duration",
                clause + ", run time",
                f"at least {WINDOW_MIN_S:.0f} s in every window",
                f"window {number} lasted {span_s:.3f} s",
                f"{more} more iterations",
            )


def _clock(number: int, one: Inferred) -> Iterator[Violation]:
    """Yield a DUT's clock that cannot count microseconds, by the host's time stamps."""
    if one.elapsed_us is None or one.host_us is None or one.host_us < HOST_MIN_US:
        return
    allowed_us = max(HOST_LATE_US, CLOCK_SHARE_MAX * one.host_us)
    if abs(one.elapsed_us - one.host_us) <= allowed_us:
        return
    ratio = one.host_us / max(one.elapsed_us, 1)
    power = round(math.log10(ratio) / 3) * 3
    unit = power != 0 and abs(ratio / 10.0**power - 1) < UNIT_OFF_SHARE
    yield Violation(
        "unit" if unit else "dut-clock",
        README + ", timestamps in microseconds",
        f"{one.host_us * 1e-6:.3f} s by the host's log",
        f"window {number} lasted {one.elapsed_us * 1e-6:.6f} s by the DUT"
        + (f", off by 10^{power}" if unit else ""),
        "let the time stamps count microseconds",
    )
