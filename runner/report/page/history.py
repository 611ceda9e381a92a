"""The page of a history: a picture a figure, with its noise and where it changed."""

import itertools
from collections.abc import Sequence

from ...compare.history import Series
from ...compare.metrics import METRICS
from ..history import UNITS, place, sentences, title, value
from . import plots
from .parts import SWITCH, Behind, document, figure

ROWS = 40
"""Of the table behind a picture, the newest."""


def as_html(found: Sequence[Series]) -> str:
    """Return the page."""
    cards = "".join(map(_figure, found))
    changed = sum(bool(one.changes) for one in found)
    said = f"{changed} of {len(found)} figures changed"
    return document(
        "history",
        f'<h1>History</h1><div class="banner"><p>{said}</p></div>{SWITCH}'
        f'<h2>Figures over time</h2><div class="cards">{cards}</div>',
    )


def _figure(one: Series) -> str:
    unit, scale = UNITS.get(one.metric, ("", 1.0))
    marks = [
        plots.Moment(
            point.value * scale,
            (point.uncertainty or 0.0) * scale,
            f"{place(point)}: {value(one, point.value, point.uncertainty)}\n{point.run}",
        )
        for point in one.points
    ]
    starts = [0, *(change.point for change in one.changes), len(one.points)]
    levels = [one.level, *(change.after for change in one.changes)]
    steps = [
        (start, stop, level * scale)
        for (start, stop), level in zip(itertools.pairwise(starts), levels, strict=True)
    ]
    rows = [
        (place(p), value(one, p.value, p.uncertainty), p.runs, p.run) for p in one.points[-ROWS:]
    ]
    return figure(
        title(one),
        plots.course(marks, steps, one.noise * scale, unit or one.metric),
        Behind(("when", "value", "runs", "run folder"), rows),
        "exact" if METRICS[one.metric] == "B" else "emulated" if one.emulated else "measured",
        note="; ".join(sentences(one)) + "; grey: twice the noise around each level",
    )
