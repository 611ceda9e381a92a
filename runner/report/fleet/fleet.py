"""A study of a fleet as tables for a terminal, in Markdown and in CSV, and as plots."""

from collections.abc import Callable, Sequence

from rich.console import RenderableType

from tinybench.plural import counted
from tinybench.printable import one_line

from ...fleet.federate import Outcome, Round
from ...fleet.privacy import DELTA
from ...fleet.study import FleetStudy, Row, formula, notes
from ...learning.curve import bands
from ..page.parts import Picture
from ..pictures import Drawn
from ..pictures import plots as drawn
from ..study.frame import below, columns, in_csv, in_markdown
from . import plots

SETTING = ("method", "select", "per_round", "steps", "batch", "rate", "combine")
FIGURES = (
    *("trials", "reached", "rounds", "time_s", "energy_j", "bytes", "straggling", "best", "died"),
    *("refused", "epsilon"),
)
GANTT_ROWS = 24


def header(found: FleetStudy) -> tuple[str, ...]:
    """Return the heads of the columns."""
    private = ("epsilon",) if any(row.epsilon is not None for row in found.rows) else ()
    return (
        *("method", "clients", "K", "E", "reached", "rounds", "time s", "J", "MB"),
        *("stragglers", "best", *private, "ended by"),
    )


def cells(found: FleetStudy, row: Row) -> tuple[str, ...]:
    """Return what a person reads of one setting."""
    setting = row.setting
    private = any(one.epsilon is not None for one in found.rows)
    ended = dict.fromkeys(row.ended)
    return (
        setting.method,
        setting.select,
        str(setting.per_round),
        str(setting.steps),
        f"{row.reached} of {row.trials}",
        figure(row.rounds),
        figure(row.time_s),
        figure(row.energy_j),
        figure(None if row.bytes is None else row.bytes * 1e-6),
        f"{row.straggling:.0%}",
        f"{row.best:.4f}",
        *((("-" if row.epsilon is None else figure(row.epsilon)),) if private else ()),
        ", ".join(f"{one} {row.ended.count(one)}x" if len(ended) > 1 else one for one in ended),
    )


def figure(value: float | None) -> str:
    """Return a figure with three digits, or a dash."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def clients(count: int) -> str:
    """Return how many clients there are."""
    return counted(count, "client")


def title(found: FleetStudy) -> str:
    """Return who learns what."""
    boards = ", ".join(f"{count} {name}" for name, count in list(found.boards.items())[:6])
    more = ", ..." if len(found.boards) > 6 else ""
    return one_line(
        f"fleet of {clients(found.clients)} ({boards}{more}) on {found.asked.data}: "
        f"{found.weights} weights, learnt from {found.learnt_from} rows ({found.asked.split}), "
        f"tested on {found.tested}"
    )


def origin(found: FleetStudy) -> str:
    """Return what the figures are."""
    return (
        f"simulated clock; a client's time of a sample: {found.time}, its energy: {found.energy}, "
        "its link: declared or simulated"
    )


def said(found: FleetStudy) -> list[str]:
    """Return in sentences what the columns mean here."""
    target = found.asked.settings[0].target
    lines = [
        f"rounds, time, J and MB until top-1 is {target:g}, means over the seeds that reached it; "
        "J of all clients together",
        origin(found),
        formula(found),
        "stragglers: share of the time in which half of a round's clients had long answered",
    ]
    died, refused = sum(r.died for r in found.rows), sum(r.refused for r in found.rows)
    if died or refused:
        lines.append(f"updates lost with clients that died: {died}; refused as unsound: {refused}")
    if any(row.epsilon is not None for row in found.rows):
        lines.append(f"epsilon: of one client's data, at delta {DELTA:g} (dp-accounting)")
    missed = [row for row in found.rows if not row.reached]
    if missed:
        best = max(row.best for row in missed)
        lines.append(
            f"settings that never reached {target:g}: {len(missed)}; the best score {best:.4f}"
        )
    return [*map(one_line, lines), *map(one_line, notes(found))]


def terminal(found: FleetStudy) -> RenderableType:
    """Return a line a setting, and what the columns mean."""
    table = columns(header(found), [cells(found, row) for row in found.rows], left=2)
    return below(title(found), table, said(found))


def markdown(found: FleetStudy) -> str:
    """Return the table as Markdown."""
    lines = [cells(found, row) for row in found.rows]
    return in_markdown(title(found), header(found), lines, said(found))


def as_csv(found: FleetStudy) -> str:
    """Return one line a setting; what is not known is empty."""
    lines = [
        (
            *(found.asked.data, found.asked.split, found.clients, found.time, found.energy),
            *(getattr(row.setting, name) for name in SETTING),
            *(getattr(row, name) for name in FIGURES),
        )
        for row in found.rows
    ]
    return in_csv(("data", "split", "clients", "time", "energy", *SETTING, *FIGURES), lines)


def pictures(found: FleetStudy) -> list[Drawn]:
    """Return learning curves over rounds, time and joules, and the first rounds of each client."""
    target = found.asked.settings[0].target
    axes: list[tuple[str, str, Callable[[Outcome], list[float | None]]]] = [
        ("rounds", "rounds", lambda run: [float(one.number) for one in run.rounds]),
        (
            "time",
            "s, simulated clock",
            lambda run: [one.begins_s + one.lasts_s for one in run.rounds],
        ),
        ("energy", "J of all clients", lambda run: _spent(run.rounds)),
    ]
    svg = ""
    stamp = f"simulated clock; {found.time} times"
    for name, label, places in axes:
        lines = list[plots.Line]()
        for setting in found.asked.settings:
            runs = [run for run in found.runs if run.setting == setting]
            each = [_points(run, places(run)) for run in runs]
            if all(each):
                points = bands([one for one in each if one is not None])
                lines.append(plots.Line(setting.name, points))
        if lines:
            shown = f"{stamp}; {found.energy} energies" if name == "energy" else stamp
            svg += plots.curves(lines, label, target).svg(f"learning over {name}", shown)
    if found.runs and found.runs[0].rounds:
        run = found.runs[0]
        svg += _gantt(run).svg(f"first rounds of {run.setting.name}", stamp)
    return drawn(svg, f"fleet of {found.clients}")


def _points(run: Outcome, places: Sequence[float | None]) -> list[tuple[float, float]] | None:
    """Return (place, score) of each round; None where a place is not known."""
    scores = [one.score for one in run.rounds]
    known = [one for one in places if one is not None]
    return list(zip(known, scores, strict=True)) if len(known) == len(scores) else None


def _spent(rounds: Sequence[Round]) -> list[float | None]:
    total: float | None = 0.0
    found = list[float | None]()
    for one in rounds:
        total = None if total is None or one.energy_j is None else total + one.energy_j
        found.append(total)
    return found


def _gantt(run: Outcome) -> Picture:
    bars, ends, who = list[plots.Bar](), list[float](), set[int]()
    for one in run.rounds:
        if not one.turns:
            break
        ends.append(one.begins_s + one.lasts_s)
        for turn in one.turns:
            if turn.client not in who and len(who) >= GANTT_ROWS:
                continue
            who.add(turn.client)
            lost = "" if turn.fate == "taken" else turn.fate
            bars.append(
                plots.Bar(
                    turn.client, one_line(turn.name), turn.time, one.begins_s, turn.compute_s,
                    turn.link_s, lost,
                )
            )  # fmt: skip
    return plots.gantt(sorted(bars, key=lambda bar: (bar.row, bar.start)), ends)
