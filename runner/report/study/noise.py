"""A study of noise as tables for a terminal, in Markdown and in CSV, and as a picture."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench import extras
from tinybench.errors import ToolMissingError
from tinybench.printable import one_line

from ...study.noise import NoiseStudy, Part, Spread
from ...study.perturb import BITS
from ..markdown import rows
from ..table import cell

HEADER = ("score", "sd", "least", "most", "normalised", "trials")
METRIC = {"top1": "top-1", "auc": "AUC"}
COLUMNS = (
    *("task", "model", "dataset", "noise", "where", "part", "name", "amount", "trials"),
    *("mean", "deviation", "error", "least", "most", "normalised", "clean", "metric", "kind"),
)
"""Of a row in CSV: one an amount, a layer or a bit."""
DPI = 110


def amount_name(noise: str) -> str:
    """Return what an amount of a kind of noise is called."""
    if noise in BITS:
        return "rate"
    return {"levels": "levels", "drift": "exponent"}.get(noise, "eta")


def terminal(found: NoiseStudy) -> RenderableType:
    """Return the scores by amount, where they have dropped, and the parts one by one."""
    shown: list[RenderableType] = [Text(title(found)), ""]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in (amount_name(found.asked.noise), *HEADER):
        table.add_column(name, justify="right", no_wrap=True)
    for point in found.points:
        table.add_row(f"{point.amount:g}", *_cells(point))
    shown += [table, "", *map(Text, said(found))]
    for name, parts in (("layer", found.layers), ("bit", found.bits)):
        if parts:
            shown += ["", _alone(found, name, parts)]
    return Group(*shown)


def title(found: NoiseStudy) -> str:
    """Return what was disturbed, of what."""
    asked = found.asked
    return one_line(
        f"{asked.noise} on {asked.where} of {found.model} ({found.model_origin}), {asked.samples} "
        f"inputs of {found.dataset}: simulated noise, computed by the model's C on this computer"
    )


def said(found: NoiseStudy) -> list[str]:
    """Return in sentences what the table comes to."""
    name = amount_name(found.asked.noise)
    lines = [f"without noise: {METRIC[found.metric]} {found.clean:.4f}"]
    if found.clean_identical is not None:
        same = "the same to the bit" if found.clean_identical else "NOT the same outputs"
        lines[0] += f"; {name} 0 gives {same}"
    for drop, amount in found.at_drop.items():
        if found.asked.noise == "levels":
            enough = "none of these" if amount is None else f"{amount:.0f} levels"
            lines.append(f"less than {drop} lost: {enough}")
        elif amount is None:
            lines.append(f"{drop} lost: at none of these")
        else:
            lines.append(f"{drop} lost: at {name} {amount:.3g}")
    for what, parts in (("layer", found.layers), ("bit", found.bits)):
        if parts:
            first = parts[0]
            lines.append(
                f"most fragile {what}: {one_line(first.name)}, alone {first.score.normalised:.1%} "
                f"of the score is left"
            )
    return lines


def _alone(found: NoiseStudy, name: str, parts: Sequence[Part]) -> RenderableType:
    amount = f"{amount_name(found.asked.noise)} {parts[0].score.amount:g}"
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(f"{name} alone, {amount}", no_wrap=True)
    if any(part.weights is not None for part in parts):
        table.add_column("weights", justify="right", no_wrap=True)
    for header in HEADER:
        table.add_column(header, justify="right", no_wrap=True)
    for part in parts:
        count = [] if part.weights is None else [f"{part.weights:,}"]
        table.add_row(Text(one_line(part.name)), *count, *_cells(part.score))
    return table


def _cells(point: Spread) -> tuple[str, ...]:
    return (
        f"{point.mean:.4f}",
        f"{point.deviation:.4f}" if point.trials > 1 else "-",
        f"{point.least:.4f}",
        f"{point.most:.4f}",
        f"{point.normalised:.3f}",
        str(point.trials),
    )


def markdown(found: NoiseStudy) -> str:
    """Return the table by amount, and the sentences, as Markdown."""
    name = amount_name(found.asked.noise)
    table = rows((name, *HEADER), [(f"{p.amount:g}", *_cells(p)) for p in found.points])
    lines = "".join(f"- {line}\n" for line in said(found))
    return f"{title(found)}\n\n{table}\n{lines}"


def as_csv(found: NoiseStudy) -> str:
    """Return one line an amount, a layer and a bit, under the names of COLUMNS."""
    asked = found.asked
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    each: list[tuple[str, str, Spread]] = [("all", "", point) for point in found.points]
    each += [("layer", part.name, part.score) for part in found.layers]
    each += [("bit", part.name, part.score) for part in found.bits]
    for part, name, point in each:
        told = (asked.task, found.model, found.dataset, asked.noise, asked.where, part, name)
        figures = (
            *(point.amount, point.trials, point.mean, point.deviation, point.error),
            *(point.least, point.most, point.normalised, found.clean),
        )
        line = [one_line(one) for one in told]
        writer.writerow(map(cell, (*line, *figures, found.metric, found.kind)))
    return text.getvalue()


def as_png(found: NoiseStudy) -> bytes:
    """Return the picture: score by amount with its spread, and what is fragile beside it.

    Raises ToolMissingError without matplotlib.
    """
    try:
        from matplotlib.figure import Figure  # drawn without pyplot: no global state, no display
    except ImportError as error:
        raise ToolMissingError(extras.missing("--to png", "matplotlib", "energy")) from error
    panels = [parts for parts in (found.layers, found.bits) if parts]
    figure = Figure(figsize=(6.5 * (1 + len(panels)), 4.4), layout="constrained")
    axes = figure.subplots(1, 1 + len(panels), squeeze=False)[0]
    _curve(axes[0], found)
    for panel, parts in zip(axes[1:], panels, strict=True):
        _bars(panel, found, parts)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=DPI)
    return data.getvalue()


def _curve(axes: Any, found: NoiseStudy) -> None:
    noise, points = found.asked.noise, found.points
    # Rates and levels are spread over decades: they stand side by side, each as far as the next.
    even = noise in BITS or noise == "levels"
    places = [float(i) for i in range(len(points))] if even else [p.amount for p in points]
    axes.fill_between(
        places, [p.least for p in points], [p.most for p in points], alpha=0.15, color="tab:blue",
        label="least to most",
    )  # fmt: skip
    axes.errorbar(
        places, [p.mean for p in points], [p.deviation for p in points], color="tab:blue",
        marker="o", capsize=3, label="mean, sd",
    )  # fmt: skip
    for drop, style in ((0.01, ":"), (0.05, "--")):
        axes.axhline(
            found.clean * (1 - drop), color="grey", linewidth=0.9, linestyle=style,
            label=f"{drop:.0%} lost",
        )  # fmt: skip
    if even:
        axes.set_xticks(places, [f"{p.amount:g}" for p in points])
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(f"{amount_name(noise)} of {noise} noise on {found.asked.where}")
    axes.set_ylabel(f"{METRIC[found.metric]} (simulated noise)")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="lower left")
    name = one_line(f"{found.asked.task}: {found.model}, {found.asked.samples} inputs")
    axes.set_title(name, loc="left", fontsize="medium", parse_math=False)


def _bars(axes: Any, found: NoiseStudy, parts: Sequence[Part]) -> None:
    shown = parts[:24][::-1]
    axes.barh(
        range(len(shown)), [part.score.mean for part in shown], color="tab:blue",
        xerr=[part.score.deviation for part in shown], error_kw={"capsize": 3, "alpha": 0.6},
    )  # fmt: skip
    names = [one_line(part.name) for part in shown]
    axes.set_yticks(range(len(shown)), names, parse_math=False)
    axes.axvline(found.clean, color="grey", linewidth=0.9, linestyle="--")
    axes.set_xlim(0, 1)
    amount = f"{amount_name(found.asked.noise)} {parts[0].score.amount:g}"
    axes.set_xlabel(f"{METRIC[found.metric]}, each alone at {amount}")
    axes.set_title("most fragile at the top", loc="left", fontsize="medium")
