"""Name the rules that the windows of a published run break: how many, on which inputs, how long."""

from collections.abc import Iterator, Sequence

from tinybench.energy.methods import RuleResult
from tinybench.plural import counted

from ...rules import ENERGY_README, README, RULES, WINDOW_MIN_S, WINDOWS, Violation
from ..labels import LabelList
from ..printed import positive
from ..read import Read
from ..text import some_names
from . import clock


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
    yield from clock.judge(run.evidence)


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
    yield from missing_trace(run, rule)
    yield from _durations(spans_s, counts, ENERGY_README)


def missing_trace(run: Read, rule: RuleResult | None) -> Iterator[Violation]:
    """Yield an energy whose samples are not published."""
    if rule is None and run.printed.energy_uj and not run.place.absent.keys() & {"trace", "json"}:
        yield Violation(
            "missing-trace",
            RULES + ", results can be reproduced",
            "the samples of the monitor",
            "no trace that can be read",
            "publish the trace",
        )


def _which_inputs(
    names: Sequence[str], known: LabelList | None, clause: str, mode: str
) -> Iterator[Violation]:
    named = [name for name in names if name]
    if len(names) != WINDOWS or len(set(named)) != len(named):
        yield _count(len(names), clause, mode, len(set(names)))
    elif (
        known is not None
        and len(named) == WINDOWS
        and set(names) != set(list(known.labels)[:WINDOWS])
    ):
        first = list(known.labels)[:WINDOWS]
        yield Violation(
            "first-inputs",
            clause,
            f"the first {WINDOWS} inputs of the list: {', '.join(first)}",
            some_names(names, WINDOWS),
            f"run the {mode} mode on the first inputs",
        )


def _count(count: int, clause: str, mode: str, different: int | None = None) -> Violation:
    on = "" if different is None else f" on {counted(different, 'input')}"
    return Violation(
        f"{mode}-windows",
        clause,
        f"{WINDOWS} windows on {WINDOWS} different inputs",
        f"{counted(count, 'window')}{on}",
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
