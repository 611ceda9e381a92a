"""A sweep as tables for a terminal, in Markdown and in CSV, and as a picture."""

from typing import Any

from rich.console import RenderableType

from tinybench.printable import one_line
from tinybench.uncertain import uncertain

from ...study.sweep.asked import OBJECTIVES
from ...study.sweep.findings import Combination, Effect, Figure, SweepStudy, mixed
from .frame import METRIC, below, columns, in_csv, in_markdown, name_point, picture, reason

FIELDS = {
    "latency_s": ("ms", 1e3),
    "estimated_latency_s": ("est. ms", 1e3),
    "instructions": ("instructions", 1.0),
    "energy_per_inference_j": ("uJ", 1e6),
    "estimated_energy_j": ("est. uJ", 1e6),
    "flash_b": ("flash B", 1.0),
    "ram_b": ("RAM B", 1.0),
    "score": ("score", 1.0),
}
"""What a figure is called, and what it is shown in."""
LOWEST_SHOWN = 48
"""Combinations of a table; CSV has all."""
UNTOLD = "main effects: too few runs to tell them apart"


def name_of(found: SweepStudy, objective: str) -> str:
    """Return what the figure of an objective is called."""
    field = found.fields[objective]
    if field == "score":
        return METRIC.get(found.metric, found.metric or "score")
    name = FIELDS[field][0]
    return f"{name} modelled" if field.startswith("energy") and found.energy_modelled else name


def header(found: SweepStudy) -> tuple[str, ...]:
    """Return the heads of the columns."""
    return (*found.asked.factors, *(name_of(found, one) for one in found.fields), "front")


def cells(found: SweepStudy, row: Combination) -> tuple[str, ...]:
    """Return what a person reads of one combination."""
    figures = [_figure(row.figures[name], field) for name, field in found.fields.items()]
    levels = [one_line(level) or "-" for level in row.levels]
    return (*levels, *figures, "*" if row.front else "")


def _figure(one: Figure, field: str) -> str:
    scale = FIELDS[field][1]
    if one.half:
        return uncertain(one.value * scale, one.half * scale)
    if field == "score":
        return f"{one.value:.4f}"
    return f"{one.value:,.0f}" if scale == 1 else f"{one.value * scale:.4g}"


def title(found: SweepStudy) -> str:
    """Return what was varied, and on what."""
    asked = found.asked
    task = "several tasks" if "task" in asked.factors else asked.task
    board = "several boards" if "board" in asked.factors else asked.board
    return one_line(
        f"sweep of {' x '.join(asked.factors)}: {task} on {board}, "
        f"{len(found.combinations)} of {found.possible} combinations run"
    )


def said(found: SweepStudy) -> list[str]:
    """Return in sentences what the columns mean here."""
    shown = [name_of(found, name) for name in found.fields]
    lines = [f"front: no other one is as good in all of {', '.join(shown)}, and better in one"]
    if found.left:
        lines.append(
            f"left out, for the budget ended: {found.left} of {found.possible} combinations; ask "
            "for the same with a larger one to go on"
        )
    if found.emulated:
        lines.append("emulated: time is an instruction count or estimated; neither is measured")
    for row in found.refused:
        named = zip(found.asked.factors, row.levels, strict=True)
        which = one_line(", ".join(f"{name}={level}" for name, level in named))
        lines.append(f"not possible: {which}: {reason(row.refused)}")
    lines += [_unknown(found, name) for name in found.asked.objectives if name not in found.fields]
    return lines


def _unknown(found: SweepStudy, objective: str) -> str:
    """Return that no figure stands for an objective, and why where they are of several kinds."""
    kinds = next(filter(None, (mixed(one, found.runs) for one in OBJECTIVES[objective])), [])
    why = f", for it is {' here and '.join(METRIC.get(one, one) for one in kinds)} there"
    return one_line(f"asked for, and not known of all runs: {objective}{why if kinds else ''}")


def effects(found: SweepStudy) -> list[tuple[str, ...]]:
    """Return a line a level: what it changes in the mean, against the first of its option."""
    by_level = dict[tuple[str, str], dict[str, Effect]]()
    for one in found.effects:
        by_level.setdefault((one.factor, one.level), {})[one.objective] = one
    lines = []
    for (factor, level), told in by_level.items():
        first = found.asked.factors[factor][0]
        against = f"{factor} {level or '-'} against {first or '-'}"
        lines.append((one_line(against), *(_effect(told.get(name)) for name in found.fields)))
    return lines


def _effect(one: Effect | None) -> str:
    if one is None:
        return "-"
    if one.objective == "score":
        text = f"{one.value:+.4f}"
        return text if one.low is None else f"{text} ({one.low:+.4f} to {one.high:+.4f})"
    text = f"x {one.value:.3f}"
    return text if one.low is None else f"{text} ({one.low:.3f} to {one.high:.3f})"


def _effects_header(found: SweepStudy) -> tuple[str, ...]:
    return ("main effects, 95 %", *(name_of(found, one) for one in found.fields))


def _ordered(found: SweepStudy) -> list[Combination]:
    """Return the combinations, those of the front first."""
    first = next(iter(found.fields), None)

    def key(row: Combination) -> tuple[bool, float]:
        return not row.front, row.figures[first].value if first else 0.0

    return sorted(found.combinations, key=key)


def terminal(found: SweepStudy) -> RenderableType:
    """Return a line a combination, what they mean, and the main effects."""
    rows = _ordered(found)[:LOWEST_SHOWN]
    left = len(found.asked.factors)
    table = columns(header(found), [cells(found, row) for row in rows], left=left)
    told = columns(_effects_header(found), effects(found)) if found.effects else UNTOLD
    return below(title(found), table, said(found), "", told)


def markdown(found: SweepStudy) -> str:
    """Return both tables as Markdown."""
    rows = [cells(found, row) for row in _ordered(found)]
    told = f"\n{UNTOLD}\n"
    if found.effects:
        told = in_markdown("", _effects_header(found), effects(found), [])
    return in_markdown(title(found), header(found), rows, said(found)) + told


def as_csv(found: SweepStudy) -> str:
    """Return one line a combination, SI units, with half of each interval of 95 %."""
    fields = list(found.fields.values())
    names = [name for field in fields for name in (field, f"{field}_half")]
    lines = []
    for row in found.combinations:
        figures = [row.figures[name] for name in found.fields]
        told = [value for one in figures for value in (one.value, one.half)]
        lines.append((*row.levels, row.runs, row.front, *told))
    return in_csv((*found.asked.factors, "runs", "front", *names), lines)


def as_png(found: SweepStudy) -> bytes:
    """Return the picture: the front in two objectives, and the main effects on the first.

    Raises ToolMissingError without matplotlib.
    """
    return picture(title(found), 2, lambda panels: _draw(panels, found))


def _draw(panels: Any, found: SweepStudy) -> None:
    names = list(found.fields)
    front, bars = panels
    x, y = names[0], names[1 if len(names) > 1 else 0]
    for ahead, colour, label in ((False, "tab:grey", "others"), (True, "tab:blue", "front")):
        rows = [row for row in found.combinations if row.front == ahead]
        if not rows:
            continue
        front.plot(
            [_shown(found, row, x) for row in rows], [_shown(found, row, y) for row in rows],
            "o", color=colour, label=label,
        )  # fmt: skip
        for row in rows if ahead else []:
            at = _shown(found, row, x), _shown(found, row, y)
            name_point(front, at, " ".join(filter(None, row.levels)))
    front.set_xlabel(_axis(found, x))
    front.set_ylabel(_axis(found, y))
    if x != "score":
        front.set_xscale("log")
    front.margins(x=0.2, y=0.1)
    front.legend(fontsize="small")
    told = [one for one in found.effects if one.objective == x][::-1]
    for at, one in enumerate(told):
        low = one.value if one.low is None else one.low
        high = one.value if one.high is None else one.high
        bars.plot([low, high], [at, at], color="tab:blue")
        bars.plot([one.value], [at], "o", color="tab:blue")
    labels = [one_line(f"{one.factor} {one.level or '-'}") for one in told]
    bars.set_yticks(range(len(told)), labels, parse_math=False)
    bars.axvline(0 if x == "score" else 1, color="grey", linestyle="--")
    what = "difference" if x == "score" else "ratio"
    name, _, _ = _axis(found, x).partition(",")
    bars.set_xlabel(f"{name}: {what} to the first level, 95 %")
    for axes in panels:
        axes.grid(visible=True, alpha=0.3)


def _axis(found: SweepStudy, objective: str) -> str:
    """Return what an axis is called."""
    names = {
        "latency_s": "measured latency, ms",
        "estimated_latency_s": "estimated latency, ms",
        "instructions": "instructions (emulated, no measurement)",
        "flash_b": "flash, bytes",
        "ram_b": "RAM, bytes",
    }
    return names.get(found.fields[objective], name_of(found, objective))


def _shown(found: SweepStudy, row: Combination, objective: str) -> float:
    return row.figures[objective].value * FIELDS[found.fields[objective]][1]
