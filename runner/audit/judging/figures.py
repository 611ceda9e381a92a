"""Name the rules that the published figures of a run break: origin, quality, limits, units."""

import math
from collections.abc import Iterator, Sequence

from ...build.task import METRICS, Task
from ...rules import ENERGY_README, README, RULES, Violation
from ...rules.rule import CHECKER
from ...streaming.score import ERRORS_MAX, RULES_TAIL_S, RUNNER_TAIL_S, WORDS
from ...streaming.verdict import Judged
from ..printed import Printed, PrintedWindow, half, positive
from ..read import Read
from ..result import Figure
from ..text import shown

UNIT_SHARE = 0.02
"""How near to a power of 1000 two figures are apart when it is their unit."""
TO_W = {"nw": 1e-9, "uw": 1e-6, "µw": 1e-6, "mw": 1e-3, "w": 1.0}


def differing(figures: Sequence[Figure]) -> Iterator[Violation]:
    """Yield the figures that are not those of the run's own files."""
    for one in figures:
        if one.reproduced is False:
            yield Violation(
                "figure",
                RULES + ", results can be reproduced",
                f"{one.name} {one.recomputed} {one.unit}".rstrip() + f", from {one.source}",
                one.published,
                "publish the figure that belongs to the log",
            )


def threshold(run: Read, figures: Sequence[Figure], task: Task | None) -> Iterator[Violation]:
    """Yield a quality below the target of the closed division."""
    if task is None or run.place.division != "closed":
        return
    name, scale = ("top-1", 0.01) if task.metric == "top1" else ("AUC", 1.0)
    for one in figures:
        text = one.recomputed or one.published
        # Published figures are rounded, and are accepted as they are printed.
        if one.name == name and float(text) * scale < task.rules.closed_threshold - 1e-9:
            yield Violation(
                "accuracy-threshold",
                RULES + ", closed division quality target",
                f"{METRICS[task.metric]} at least {task.rules.closed_threshold:.1%}",
                text,
                "use the reference model, or the open division",
            )


def streaming(run: Read, figures: Sequence[Figure], judged: Judged | None) -> Iterator[Violation]:
    """Yield broken limits of a streaming run: as published, else by the rules' reading of 1 s."""
    if judged is not None and judged.doubts:
        yield Violation(
            "stream-doubt",
            RULES + ", streaming wake word",
            "a pulse at the beginning and one at each detection, in order",
            "; ".join(judged.doubts),
            "look at the pins and at the list of words, and run it again",
        )
    text = next((f.recomputed or f.published for f in figures if f.name == "detections"), None)
    if text is None:
        return
    hits, missed, false = (int(word) for word in text.split()[1::2])
    limits = f"at most {ERRORS_MAX} missed and {ERRORS_MAX} false"
    closed = run.place.division == "closed"
    if hits + missed != WORDS or (closed and max(missed, false) > ERRORS_MAX):
        yield Violation(
            "stream-score",
            RULES + ", streaming wake word",
            f"{WORDS} words, {limits}",
            text,
            "use the reference model and the whole recording",
        )
    elif closed and judged is not None and not judged.rules.passes:
        found = (
            f"{judged.rules} until {RULES_TAIL_S:g} s; {judged.runner} until {RUNNER_TAIL_S:g} s, "
            "as the runner's code counts"
        )
        if judged.source:
            found += (
                f"; {judged.rules_corrected} until {RULES_TAIL_S:g} s once the playback clock's "
                f"drift of {judged.removed_ppm:+.0f} ppm, by {judged.source}, is removed"
            )
        yield Violation(
            "stream-delay",
            "v1.3 runner README, a detection counts until 1 s after the word",
            limits,
            found,
            "hold the interface board's clocks against each other, and score until 1 s",
        )


def units(printed: Printed, figures: Sequence[Figure]) -> Iterator[Violation]:
    """Yield figures that are off by powers of 1000, and units that are not the field's."""
    for one in figures:
        power = _power_of_1000(one.recomputed, one.published)
        if power:
            yield Violation(
                "unit",
                RULES + ", reported units",
                f"{one.recomputed} {one.unit} ({one.name})",
                f"{one.published}, off by 10^{power}",
                "report it in its unit",
            )
    wanted = {"throughput": "inf./sec", "energy": "uj/inf"}
    for name, unit in printed.units.items():
        if not unit.lower().startswith(wanted[name]):
            yield _unit(name, wanted[name], unit)
    for window in printed.energy:
        yield from _window_units(window)
    yield from _contradictions(printed)


def _contradictions(printed: Printed) -> Iterator[Violation]:
    """Yield printed figures that contradict others beside them; each may be rounded or cut off."""
    for window in (*printed.performance, *printed.energy):
        count = window.iterations
        where = f"window {window.number}"
        for name, total, each, of in (
            ("throughput", str(count or ""), window.throughput_per_s, window.runtime_s),
            ("energy an inference", window.energy_uj, window.per_inference_uj, str(count or "")),
        ):
            quotient = _quotient(total, of, (str(count),))
            if quotient is not None and not _near(each, *quotient):
                yield Violation(
                    "figure",
                    README + ", figures of a window",
                    f"{name} {quotient[0]:.6g}, by {total} in {of}",
                    f"{each} in {where}",
                    "publish the figure that belongs to the log",
                )
    duty, period_s = positive(printed.duty_cycle), positive(printed.period_s)
    if duty and period_s:
        rate_per_s = 1 / (duty * period_s)
        slack = 2 * (half(printed.duty_cycle) / duty + half(printed.period_s) / period_s)
        if not _near(printed.stream_throughput_per_s, rate_per_s, slack):
            yield Violation(
                "figure",
                RULES + ", streaming wake word",
                f"throughput {rate_per_s:.6g} inf./s, by a duty cycle of {printed.duty_cycle} in "
                f"{printed.period_s} s",
                printed.stream_throughput_per_s,
                "publish the figures that belong to the log",
            )


def _quotient(total: str, of: str, exact: Sequence[str]) -> tuple[float, float] | None:
    """Return a quotient of printed figures and its relative slack; None where one is missing."""
    above, below = positive(total), positive(of)
    if above is None or below is None:
        return None
    slack = sum(
        2 * half(text) / value for text, value in ((total, above), (of, below)) if text not in exact
    )
    return above / below, slack


def _near(printed: str, value: float, slack: float) -> bool:
    """Return whether a printed figure can be this value; one that is missing can."""
    stated = positive(printed)
    return stated is None or abs(stated - value) <= value * (slack + 1e-9) + 2 * half(printed)


def _window_units(window: PrintedWindow) -> Iterator[Violation]:
    for name, unit in window.units.items():
        if name != "power" and unit.lower() not in ("uj", "µj"):
            yield _unit(f"{name} of window {window.number}", "uJ", unit)
    energy_uj, lasted_s = positive(window.energy_uj), positive(window.runtime_s)
    to_w = TO_W.get(window.units.get("power", "").lower())
    power = positive(window.power)
    if to_w is None and window.power:
        yield _unit(f"power of window {window.number}", "uW or mW", window.units.get("power", ""))
    elif to_w and power and energy_uj and lasted_s:
        ratio = energy_uj * 1e-6 / lasted_s / (power * to_w)
        off = round(math.log10(ratio) / 3) * 3
        if off:
            yield Violation(
                "unit",
                ENERGY_README + ", power is energy by time",
                f"{energy_uj * 1e-6 / lasted_s:.6g} W",
                f"{window.power} {window.units['power']} in window {window.number}, off by "
                f"10^{off}",
                "report it in its unit",
            )
        elif abs(ratio - 1) > 2 * sum(
            half(text) / value  # twice, for some runners cut digits off
            for text, value in (
                (window.energy_uj, energy_uj), (window.runtime_s, lasted_s), (window.power, power)
            )
        ):  # fmt: skip
            yield Violation(
                "figure",
                ENERGY_README + ", power is energy by time",
                f"{power * to_w * lasted_s * 1e6:.6g} uJ, by {window.power} "
                f"{window.units['power']} in {window.runtime_s} s",
                f"{window.energy_uj} uJ in window {window.number}",
                "publish the figure that belongs to the log",
            )


def _unit(name: str, wanted: str, unit: str) -> Violation:
    return Violation(
        "unit-name",
        CHECKER,
        f"{name} in {wanted}",
        shown(unit) or "no unit",
        "report it in its unit",
    )


def _power_of_1000(recomputed: str | None, published: str) -> int:
    try:
        ratio = float(recomputed or "nan") / float(published)
    except (ValueError, ZeroDivisionError):
        return 0
    if not (math.isfinite(ratio) and ratio > 0):
        return 0
    power = round(math.log10(ratio) / 3) * 3
    return power if power and abs(ratio / 10.0**power - 1) < UNIT_SHARE else 0
