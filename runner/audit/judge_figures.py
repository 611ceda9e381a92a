"""Name the rules that the published figures of a run break: origin, quality, limits, units."""

import math
from collections.abc import Iterator, Sequence

from ..build.task import METRICS, Task
from ..rules import ENERGY_README, RULES, Violation
from ..rules.rule import CHECKER
from .printed import Printed, PrintedWindow, half, positive
from .read import Read
from .result import Figure
from .text import shown

STREAM_ERRORS_MAX = 8
STREAM_WORDS = 50
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


def streaming(run: Read, figures: Sequence[Figure]) -> Iterator[Violation]:
    """Yield broken limits of a streaming run."""
    found = next((f.recomputed or f.published for f in figures if f.name == "detections"), None)
    if found is None:
        return
    hits, missed, false = (int(word) for word in found.split()[1::2])
    wanted = (
        f"{STREAM_WORDS} words, at most {STREAM_ERRORS_MAX} missed and {STREAM_ERRORS_MAX} false"
    )
    too_many = max(missed, false) > STREAM_ERRORS_MAX and run.place.division == "closed"
    if hits + missed != STREAM_WORDS or too_many:
        yield Violation(
            "stream-score",
            RULES + ", streaming wake word",
            wanted,
            found,
            "use the reference model and the whole recording",
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
        "unit",
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
