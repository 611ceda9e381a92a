"""A sweep as tables for a terminal, in Markdown and in CSV, and as a picture."""

from typing import Any

from rich.console import RenderableType
from rich.text import Text

from tinybench.printable import one_line
from tinybench.uncertain import uncertain

from ...study.sweep.asked import OBJECTIVES
from ...study.sweep.effects import Effect
from ...study.sweep.findings import Combination, Figure, SweepStudy, mixed
from .frame import METRIC, below, columns, in_csv, in_markdown, name_point, picture, reason

FIELDS = {
    "latency_s": ("measured ms", 1e3),
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
NONE = (None, None)
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
    estimated = [name for name in shown if name.startswith("est.")]
    if estimated:
        lines.append(
            f"{', '.join(estimated)}: the front ranks estimates as they stand, and not by their "
            "bounds, which each run's report has: two that are nearer are not told apart"
        )
    elif any(one.half for row in found.combinations for one in row.figures.values()):
        lines.append("the front ranks means: two that are nearer than their ± are not told apart")
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
        by = {_by(one) for one in told.values()}
        each = (_effect(told.get(name)) for name in found.fields)
        lines.append((one_line(against), *each, ", ".join(sorted(by))))
    return lines


def _by(one: Effect) -> str:
    return f"{one.pairs} pair{'s' * (one.pairs > 1)}" if one.pairs else "model"


def _effect(one: Effect | None) -> str:
    if one is None:
        return "-"
    form = "{:+.4f}".format if one.objective == "score" else "{:.3f}".format
    text = form(one.value) if one.objective == "score" else f"x {form(one.value)}"
    if one.low is not None and one.high is not None:
        text += f" ({form(one.low)} to {form(one.high)})"
    if one.pairs > 1 and one.least is not None and one.most is not None:
        text += f"; {form(one.least)} to {form(one.most)}"
    return text


def said_of_effects(found: SweepStudy) -> list[str]:
    """Return in sentences what the effects are, and what their intervals are of."""
    pairs = [one for one in found.effects if one.pairs]
    model = [one for one in found.effects if not one.pairs]
    lines = list[str]()
    if pairs:
        lines.append(
            "pairs: of combinations that differ in this option alone the mean, and behind the "
            "semicolon the least to the most of them"
        )
        if any(one.low is not None for one in pairs):
            lines.append("in brackets, of pairs: the interval of 95 % of repeats")
        elif not found.emulated:
            lines.append("pairs without brackets: none was repeated, and so no interval is known")
    if model:
        lines.append("model: too few pairs have run; by a model in which no option depends on one")
        if any(one.low is not None for one in model):
            lines.append("in brackets, of the model: its interval of 95 %, wide where one does")
        else:
            lines.append("model without brackets: too few runs for an interval")
    return lines


def _effects_header(found: SweepStudy) -> tuple[str, ...]:
    return ("main effects", *(name_of(found, one) for one in found.fields), "by")


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
    if not found.effects:
        return below(title(found), table, said(found), "", UNTOLD)
    told = columns(_effects_header(found), effects(found))
    return below(title(found), table, said(found), "", told, "", *map(Text, said_of_effects(found)))


def markdown(found: SweepStudy) -> str:
    """Return both tables as Markdown."""
    rows = [cells(found, row) for row in _ordered(found)]
    told = f"\n{UNTOLD}\n"
    if found.effects:
        told = in_markdown("", _effects_header(found), effects(found), said_of_effects(found))
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
            place = _shown(found, row, x), _shown(found, row, y)
            name_point(front, place, " ".join(filter(None, row.levels)))
    front.set_xlabel(_axis(found, x))
    front.set_ylabel(_axis(found, y))
    if x != "score":
        front.set_xscale("log")
    front.margins(x=0.2, y=0.1)
    front.legend(fontsize="small")
    told = [one for one in found.effects if one.objective == x][::-1]
    for at, one in enumerate(told):
        bars.plot([one.value], [at], "o", color="tab:blue")
    for what, lines, style in (
        ("least to most of pairs", [(one.least, one.most) for one in told], "-"),
        ("95 % of repeats", [(one.low, one.high) if one.pairs else NONE for one in told], "-"),
        (
            "95 % of a model without interactions",
            [NONE if one.pairs else (one.low, one.high) for one in told],
            "--",
        ),
    ):
        drawn = [(at, *ends) for at, ends in enumerate(lines) if ends[0] is not None]
        if drawn:
            each, low, high = zip(*drawn, strict=True)
            colour, width = ("tab:orange", 4) if "repeats" in what else ("tab:blue", 1.5)
            bars.hlines(each, low, high, color=colour, linestyle=style, linewidth=width, label=what)
    if bars.get_legend_handles_labels()[0]:
        bars.legend(fontsize="small")
    labels = [one_line(f"{one.factor} {one.level or '-'}") for one in told]
    bars.set_yticks(range(len(told)), labels, parse_math=False)
    bars.axvline(0 if x == "score" else 1, color="grey", linestyle="--")
    what = "difference" if x == "score" else "ratio"
    name, _, _ = _axis(found, x).partition(",")
    bars.set_xlabel(f"{name}: {what} to the first level")
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
