"""The score of a stream in a terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..streaming.curve import THRESHOLD
from ..streaming.score import limits
from ..streaming.summary import Summary

SHOWN = (0, 64, 90, 105, 110, THRESHOLD, 120, 124, 126)
"""Thresholds of which the curve is shown."""


def told(found: Summary) -> RenderableType:
    """Return the verdict, the readings, the words and alarms, the latencies and the curve."""
    most = "at most {} missed and {} false".format(*limits(found.words))
    first = found.readings[-2 if len(found.readings) > 2 else 0]
    said = (
        f"{first.found} of {found.words} words found, {first.false} false alarms, F1 {first.f1:.3f}"
    )
    kept = f"{'within' if found.valid else 'not within'} the limits ({most})"
    parts: list[RenderableType] = [
        Text(f"{said}: {'no result' if found.doubts else kept}", "green" if found.valid else "red"),
        *(Text(f"doubtful: {doubt}", "red") for doubt in found.doubts),
        Text(),
        *_read(found),
    ]
    parts += [Text(), Text(f"missed at     {_times(found.missed_s)}")]
    parts.append(Text(f"false alarms  {_times(found.false_s)}"))
    if found.latencies_s:
        least, most = found.latencies_s[0], found.latencies_s[-1]
        parts.append(
            Text(
                f"latency       {found.latency_s(0.5):+.3f} s from the end of a word to its first "
                f"pulse (median), {found.latency_s(0.9):+.3f} (nine of ten), {least:+.3f} to "
                f"{most:+.3f}"
            )
        )
    if found.curve:
        parts += [Text(), _curve(found)]
    return Group(*parts)


def tables(found: Summary) -> list[RenderableType]:
    """Return the readings and the curve."""
    return [*_read(found), *([Text(), _curve(found)] if found.curve else [])]


def _read(found: Summary) -> list[RenderableType]:
    said = f"readings disagree: {found.disagreement}"
    return [_readings(found), *([Text(said, "yellow")] if found.disagreement else [])]


def _readings(found: Summary) -> Table:
    table = _table(
        "a pulse counts until", "drift removed", "found", "missed", "false", "F1", "limits"
    )
    for one in found.readings:
        table.add_row(
            f"{one.tail_s:g} s after a word",
            f"{one.without_ppm:+.0f} ppm" if one.without_ppm else "-",
            *map(str, (one.found, one.missed, one.false)),
            f"{one.f1:.3f}",
            "kept" if one.passes else "broken",
        )
    return table


def _curve(found: Summary) -> Table:
    """Return misses and false alarms at some thresholds."""
    table = _table("threshold", "missed", "false")
    for threshold in SHOWN:
        below = [one for one in found.curve if one.threshold <= threshold]
        if below:
            table.add_row(str(threshold), str(below[-1].missed), str(below[-1].false))
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for at, name in enumerate(names):
        table.add_column(name, justify="left" if at == 0 else "right")
    return table


def _times(times_s: Sequence[float]) -> str:
    return ", ".join(f"{at:.1f}" for at in times_s) + " s" if times_s else "-"
