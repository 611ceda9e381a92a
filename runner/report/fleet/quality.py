"""Time to quality as a table for a terminal, in Markdown and in CSV, and as learning curves."""

import re
from collections.abc import Sequence

from rich.console import RenderableType

from tinybench.printable import one_line

from ...build.task import METRICS
from ...learning.course import Course
from ...learning.curve import bands
from ...learning.quality import Quality
from ..pictures import Drawn
from ..pictures import plots as drawn
from ..study.frame import below, columns, in_csv, in_markdown
from . import plots
from .fleet import figure

HEADER = (
    *("runs", "batch", "target", "reached", "time s", "J", "samples", "not below", "x ref."),
    "verdict",
)
COLUMNS = (
    *("what", "batch", "target", "time_origin", "energy_origin", "valid", "why_not", "time_s"),
    *("energy_j", "samples_mean", "too_fast", "against"),
)
_BREAK = re.compile(r"(?: on |[,:] )")
TITLE = "time to quality, olympic means: never an MLPerf Training result"


def cells(one: Quality) -> tuple[str, ...]:
    """Return what a person reads of one group of runs."""
    reached = sum(time is not None for time in one.times_s)
    return (
        one_line(one.what),
        str(one.batch),
        f"{one.target:g}",
        f"{reached} of {len(one.seeds)}",
        figure(one.time_s),
        figure(one.energy_j),
        figure(one.samples_mean),
        "-" if one.reference is None else figure(one.reference.least),
        "-" if one.against is None else f"{one.against:.2f}",
        "valid" if one.valid else f"invalid: {one_line(one.why_not)}",
    )


def said(found: Sequence[Quality]) -> list[str]:
    """Return in sentences what the columns mean."""
    times = ", ".join(sorted({one.time_origin for one in found}))
    joules = ", ".join(sorted({one.energy_origin or "not known" for one in found}))
    lines = [
        "the fastest and the slowest run are left out; one that did not reach the target is the "
        "slowest, two make it invalid",
        f"times are {times}, energies {joules}; an evaluation takes none",
    ]
    if any(one.reference for one in found):
        lines.append(
            "not below: fewer samples in the mean are none of the reference's (one-sided t-test, "
            "p 0.05); x ref.: time of the reference over this one's"
        )
    lines += [
        f"{one_line(one.what)}: best without the target "
        + ", ".join(f"{b:.4f}" for b, t in zip(one.best, one.times_s, strict=True) if t is None)
        for one in found
        if None in one.times_s
    ]
    return lines


def terminal(found: Sequence[Quality]) -> RenderableType:
    """Return a line a group of runs."""
    table = columns(HEADER, list(map(cells, found)), wraps=len(HEADER) - 1)
    return below(TITLE, table, said(found))


def markdown(found: Sequence[Quality]) -> str:
    """Return the table as Markdown."""
    return in_markdown(TITLE, HEADER, list(map(cells, found)), said(found))


def as_csv(found: Sequence[Quality]) -> str:
    """Return one line a group of runs."""
    return in_csv(COLUMNS, [tuple(getattr(one, name) for name in COLUMNS) for one in found])


def pictures(courses: Sequence[Course]) -> list[Drawn]:
    """Return learning curves with their bands, over samples, time and joules."""
    if not courses:
        return []
    groups: dict[str, list[Course]] = {}
    for one in courses:
        groups.setdefault(one_line(one.what), []).append(one)
    times = ", ".join(sorted({one.time for one in courses}))
    energies = ", ".join(sorted({one.energy or "" for one in courses}))
    metrics = " and ".join(sorted({METRICS.get(one.metric, one.metric) for one in courses}))
    names = _apart(list(groups))
    svg = ""
    for name, label in (("samples", "samples"), ("time_s", "s"), ("energy_j", "J")):
        lines = list[plots.Line]()
        for what, group in groups.items():
            each = [[(getattr(p, name), p.score) for p in one.points] for one in group]
            if all(at is not None for one in each for at, _ in one):
                lines.append(
                    plots.Line(
                        ": ".join(filter(None, (names[what], _runs(len(group))))), bands(each)
                    )
                )
        if lines:
            over = name.partition("_")[0]
            stamp = f"{energies} energy" if name == "energy_j" else f"{times} time"
            svg += plots.curves(lines, label, courses[0].target, metrics).svg(
                f"learning over {over}", stamp
            )
    return drawn(svg, "time to quality")


def _apart(names: Sequence[str]) -> dict[str, str]:
    """Return of each name what the others do not say; nothing of one alone."""
    parts = {name: _BREAK.split(name) for name in names}
    shared = set[str].intersection(*(set(one) for one in parts.values()))
    return {
        name: ", ".join(part for part in each if part not in shared) for name, each in parts.items()
    }


def _runs(count: int) -> str:
    return "one run" if count == 1 else f"mean of {count} runs, its 95 % band"
