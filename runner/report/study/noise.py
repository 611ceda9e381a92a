"""A study of noise as tables for a terminal, in Markdown and in CSV, and as a picture."""

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType

from tinybench.plural import counted
from tinybench.printable import one_line

from ...results.stream import PERIOD_S
from ...study.noise.asked import Asked
from ...study.noise.findings import Alone, NoiseStudy, Spread, alike
from ...study.noise.perturb import BITS
from ...study.noise.trials import FEW
from .frame import METRIC, SAID, below, columns, in_csv, in_markdown, picture

HEADER = ("sd", "least", "most", "normalised", "trials")
NAMED_MOST = 8
"""Layers of a sentence."""
OF_STREAM = ("missed", "false alarms")
COLUMNS = (
    *("task", "model", "dataset", "noise", "where", "part", "name", "amount", "trials"),
    *("mean", "deviation", "error", "least", "most", "normalised", "clean", "metric", "kind"),
    *("missed", "false_alarms", "board"),
)
"""Of a row in CSV: one an amount, a layer or a bit."""


def amount_name(noise: str) -> str:
    """Return what an amount of a kind of noise is called."""
    if noise in BITS:
        return "rate"
    return {"levels": "levels", "drift": "exponent"}.get(noise, "eta")


def terminal(found: NoiseStudy) -> RenderableType:
    """Return the scores by amount, where they have dropped, and the parts one by one."""
    alone = list[RenderableType]()
    for name, parts in (("layer", found.layers), ("bit", found.bits)):
        if parts:
            alone += ["", _alone(found, name, parts)]
    return below(title(found), columns(*_points(found), left=0), said(found), *alone)


def _points(found: NoiseStudy) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the head and the lines of the table by amount."""
    lines = [(f"{point.amount:g}", *_cells(point)) for point in found.points]
    return (amount_name(found.asked.noise), *_header(found)), lines


def _header(found: NoiseStudy) -> tuple[str, ...]:
    return (METRIC[found.metric], *HEADER, *(OF_STREAM if found.words is not None else ()))


def title(found: NoiseStudy) -> str:
    """Return what was disturbed, of what."""
    asked = found.asked
    return one_line(
        f"{asked.noise} on {asked.where} of {found.model} ({found.model_origin}), "
        f"{_inputs(found)}: simulated noise, computed by the model's C on "
        f"{_where(asked) if asked.board else 'this computer'}"
    )


def _where(asked: Asked) -> str:
    """Return on which board inferences were done, in words."""
    return f"{asked.board}{', emulated' if asked.emulated else ''}"


def _each(found: NoiseStudy) -> str:
    """Return of how many trials of each of several boards this is so."""
    each = [f"{one_line(one.name)} {one.equal} of {one.trials}" for one in found.by_board]
    return f" ({', '.join(each)})" if len(each) > 1 else ""


def _inputs(found: NoiseStudy) -> str:
    count = found.asked.samples
    if found.words is None:
        return f"{counted(count, 'input')} of {found.dataset}"
    return f"{count * PERIOD_S:.0f} s of {found.dataset} with {counted(found.words, 'word')}"


def said(found: NoiseStudy) -> list[str]:
    """Return in sentences what the table comes to."""
    name = amount_name(found.asked.noise)
    lines = [f"without noise: {METRIC[found.metric]} {found.clean:.4f}"]
    if found.words is not None:
        lines[0] += (
            f", {found.clean_missed} of {found.words} words missed, {found.clean_false_alarms} "
            "false alarms"
        )
    if found.clean_identical is not None:
        same = "the same to the bit" if found.clean_identical else "NOT the same outputs"
        lines[0] += f"; {name} 0 gives {same}"
    if found.metric in SAID:
        lines.append(SAID[found.metric])
    if found.board_trials:
        how = "written over its line" if found.patched else "built in"
        lines.append(
            f"on {one_line(_where(found.asked))}, weights {how}: {found.board_equal} of "
            f"{found.board_trials} trials have this computer's answers to each input"
            f"{_each(found)}"
        )
    for drop, amount in found.at_drop.items():
        lines.append(_lost(found, drop, amount))
    for what, parts in (("layer", found.layers), ("bit", found.bits)):
        if parts:
            lines.append(_most_fragile(found.asked.noise, what, parts))
    return lines


def _most_fragile(noise: str, what: str, parts: Sequence[Alone]) -> str:
    """Return in words which part alone leaves the least, as far as its trials tell."""
    others = alike(parts, noise)
    if others is None:
        return (
            f"most fragile {what}: one trial of each does not tell; {2 * FEW} --trials give two, "
            "and more tell more"
        )
    first = parts[0]
    line = (
        f"most fragile {what}: {one_line(first.name)}, alone {first.score.normalised:.1%} of the "
        "score is left"
    )
    if not others:
        return line
    names = ", ".join(one_line(one.name) for one in others[:NAMED_MOST])
    more = f" and {len(others) - NAMED_MOST} more" if len(others) > NAMED_MOST else ""
    return f"{line}; not told apart from {names}{more}: nearer than two standard errors"


def _lost(found: NoiseStudy, drop: str, amount: float | None) -> str:
    """Return in words at which amount so much is lost; below the least one nothing was tried."""
    name = amount_name(found.asked.noise)
    if found.asked.noise == "levels":
        enough = "none of these" if amount is None else f"{amount:.0f} levels"
        return f"less than {drop} lost: {enough}"
    low, high = found.at_drop_ends.get(drop, (None, None))
    if amount is None:
        maybe = "" if low is None else f"; two standard errors lower: at {name} {low:.3g}"
        return f"{drop} lost: at none of these{maybe}"
    least = min((point.amount for point in found.points if point.amount > 0), default=0.0)
    if amount < least:
        guess = f"{amount:.3g} on a line from 0"
        return f"{drop} lost: below {name} {least:g}, the least of these ({guess})"
    line = f"{drop} lost: at {name} {amount:.3g}"
    if drop not in found.at_drop_ends:
        once = any(point.trials == 1 for point in found.points if point.amount > 0)
        return f"{line} (no bounds: one trial of each amount)" if once else line
    ends = [f"{end:.3g}" if end is not None else "none of these" for end in (low, high)]
    return f"{line} ({ends[0]} to {ends[1]} by two standard errors)"


def _alone(found: NoiseStudy, name: str, parts: Sequence[Alone]) -> RenderableType:
    amount = f"{amount_name(found.asked.noise)} {parts[0].score.amount:g}"
    counted = ("weights",) if any(part.weights is not None for part in parts) else ()
    lines = [
        (
            one_line(part.name),
            *([] if part.weights is None else [f"{part.weights:,}"]),
            *_cells(part.score),
        )
        for part in parts
    ]
    return columns((f"{name} alone, {amount}", *counted, *_header(found)), lines)


def _cells(point: Spread) -> tuple[str, ...]:
    return (
        f"{point.mean:.4f}",
        f"{point.deviation:.4f}" if point.trials > 1 else "-",
        f"{point.least:.4f}",
        f"{point.most:.4f}",
        f"{point.normalised:.3f}",
        str(point.trials),
        *(f"{one:.1f}" for one in (point.missed, point.false_alarms) if one is not None),
    )


def markdown(found: NoiseStudy) -> str:
    """Return the table by amount, and the sentences, as Markdown."""
    return in_markdown(title(found), *_points(found), said(found))


def as_csv(found: NoiseStudy) -> str:
    """Return one line an amount, a layer and a bit, under the names of COLUMNS."""
    asked = found.asked
    each: list[tuple[str, str, Spread]] = [("all", "", point) for point in found.points]
    each += [("layer", part.name, part.score) for part in found.layers]
    each += [("bit", part.name, part.score) for part in found.bits]
    ends = (asked.task, found.model, found.dataset, asked.noise, asked.where)
    lines = [
        (
            *(*ends, part, name, point.amount, point.trials, point.mean, point.deviation),
            *(point.error, point.least, point.most, point.normalised),
            *(found.clean, found.metric, found.kind, point.missed, point.false_alarms),
            asked.board,
        )
        for part, name, point in each
    ]
    return in_csv(COLUMNS, lines)


def as_png(found: NoiseStudy) -> bytes:
    """Return the picture: score by amount with its spread, and what is fragile beside it.

    Raises ToolMissingError without matplotlib.
    """
    shown = [parts for parts in (found.layers, found.bits) if parts]

    def draw(panels: Any) -> None:
        _curve(panels[0], found)
        for panel, parts in zip(panels[1:], shown, strict=True):
            _bars(panel, found, parts)

    asked = found.asked
    name = one_line(
        f"{asked.task}: {found.model} ({found.model_origin}), {_inputs(found)}; noise is simulated"
    )
    return picture(name, 1 + len(shown), draw, width=6.5 * (1 + len(shown)))


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


def _bars(axes: Any, found: NoiseStudy, parts: Sequence[Alone]) -> None:
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
    axes.set_xlabel(f"{METRIC[found.metric]} (simulated noise), each alone at {amount}")
    axes.set_title("lowest mean at the top", loc="left", fontsize="medium")
