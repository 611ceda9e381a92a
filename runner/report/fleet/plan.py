"""A plan for a fleet as tables for a terminal, in Markdown and in CSV, and as a map."""

from rich.console import RenderableType

from tinybench.printable import one_line

from ...fleet.plan import Cell
from ...fleet.planned import PlanStudy
from ..pictures import Drawn
from ..pictures import plots as drawn
from ..study.frame import below, columns, in_csv, in_markdown
from . import plots
from .fleet import clients, figure

SHOWN = 8
HEADER = ("K", "E", "rounds", "time s", "J", "cost", "figures are")
COLUMNS = ("per_round", "steps", "rounds", "time_s", "energy_j", "cost", "tried")


def cells(found: PlanStudy, one: Cell) -> tuple[str, ...]:
    """Return what a person reads of one choice."""
    return (
        str(one.per_round),
        str(one.steps),
        figure(one.rounds),
        figure(one.time_s),
        figure(one.energy_j),
        figure(one.cost),
        "of runs" if one.tried else "expected" if not _relative(found) else "relative",
    )


def _relative(found: PlanStudy) -> bool:
    return found.asked.bound is not None


def title(found: PlanStudy) -> str:
    """Return what was planned, and the choice."""
    best = found.best
    return one_line(
        f"plan for {clients(found.clients)}, gamma {found.asked.gamma:g}: K {best.per_round} "
        f"clients a round, E {best.steps} local steps: {figure(best.rounds)} rounds, "
        f"{figure(best.time_s)} s, {figure(best.energy_j)} J"
    )


def said(found: PlanStudy) -> list[str]:
    """Return in sentences what was found, and by what."""
    bound = found.bound
    asked = found.asked
    lines = [
        f"bound: {found.formula} with A0 {bound.a0:.4g}, B0 {bound.b0:.4g}, N {found.clients}",
        "cost = (1 - gamma) x seconds + gamma x joules; a round lasts as its slowest client",
        f"simulated clock; a client's time of a sample: {found.time}, its energy: {found.energy}, "
        "its link and radio: declared or simulated",
    ]
    if _relative(found):
        lines.append("A0 and B0 were given: rounds, seconds and joules are as true as these")
        return lines
    missed = sum(one.reached < one.trials for one in found.tried)
    lines.append(
        f"learnt from runs of {len(found.tried)} of {len(found.cells)} choices with {asked.trials} "
        f"seeds each, to top-1 {asked.setting.target:g}; expected: the bound, times how far runs "
        "near by were off it"
    )
    settled = [one.trials for one in found.tried if one.trials > asked.trials]
    if settled:
        lines.append(
            f"{len(settled)} that few seeds could not tell from the cheapest ran with up to "
            f"{max(settled)}"
        )
    if missed:
        lines.append(
            f"{missed} of these did not reach it in {asked.setting.rounds_most} rounds with each "
            "seed: they count as dearer"
        )
    return lines


def terminal(found: PlanStudy) -> RenderableType:
    """Return the cheapest choices, and how they were found."""
    shown = [cells(found, one) for one in found.cells[:SHOWN]]
    return below(title(found), columns(HEADER, shown, left=0), said(found))


def markdown(found: PlanStudy) -> str:
    """Return the same as Markdown."""
    shown = [cells(found, one) for one in found.cells[:SHOWN]]
    return in_markdown(title(found), HEADER, shown, said(found))


def as_csv(found: PlanStudy) -> str:
    """Return one line a choice, the whole grid."""
    lines = [tuple(getattr(one, name) for name in COLUMNS) for one in found.cells]
    return in_csv(COLUMNS, lines)


def pictures(found: PlanStudy) -> list[Drawn]:
    """Return the map of K and E."""
    by_place = {(one.per_round, one.steps): one for one in found.cells}
    down = sorted({k for k, _ in by_place}, reverse=True)
    across = sorted({e for _, e in by_place})
    cheapest = found.best.cost or 1.0
    lines = [[_choice(by_place[k, e], cheapest) for e in across] for k in down]
    label = f"K clients a round, down; E local steps, across; gamma {found.asked.gamma:g}"
    picture = plots.choices(lines, [str(k) for k in down], [str(e) for e in across], label)
    stamp = f"simulated clock; {found.time} times"
    return drawn(picture.svg("cost by K and E", stamp), f"plan for {found.clients}")


def _choice(one: Cell, cheapest: float) -> plots.Choice:
    tip = (
        f"K {one.per_round}, E {one.steps}: {figure(one.rounds)} rounds, {figure(one.time_s)} s, "
        f"{figure(one.energy_j)} J, {'by runs' if one.tried else 'expected'}"
    )
    return plots.Choice(one.cost / cheapest, tip, one.tried)
