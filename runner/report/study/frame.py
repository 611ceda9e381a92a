"""What all studies are shown in: a table with sentences below it, rows of CSV, and a picture."""

import csv
import io
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench import extras
from tinybench.errors import ToolMissingError
from tinybench.printable import one_line

from ..markdown import rows
from ..table import cell

DPI = 110
EMULATED = "emulated: time is an instruction count, cycles are estimated; neither is a measurement"
NAME = "name"
"""Marks the texts of a picture that are names of points."""
SHORT_US = 10.0
PLACES = (
    *((x, y) for x in (6, -6) for y in (5, -14)),
    *((0, 8), (0, -17), (9, -4), (-9, -4)),
    *((x, y) for y in (18, -27, 31, -40) for x in (6, -6)),
)
"""Where a name may stand, in points from what it names; the best first."""
REASON_MOST = 300
"""Characters of a reason why something was not done."""
NAMED_MOST = 60
"""Points of a picture that have names: more could not be read, and take long to place."""
METRIC = {
    "top1": "top-1",
    "auc": "AUC",
    "iou": "IoU",
    "r2": "R2",
    "f1": "F1",
    "agreement": "agreement",
    "unchanged": "unchanged",
}
SAID = {
    "r2": "R2: 1 is without error, 0 no better than the mean of the targets, and worse counts as "
    "0; shares are of R2, not of the error",
    "f1": "F1: of words found, words missed and false alarms; a detection counts until 1 s after a "
    "word, as the rules say",
    "agreement": "agreement: share of inputs whose largest output is that of the model as it is; "
    "no label says whether it is right",
    "unchanged": "unchanged: share of inputs all of whose outputs are those of the model as it is, "
    "to the last decimal; no label says whether they are right",
}
"""What a score is, where its name does not say."""
HARDLY = 0.01
"""Share of a model that bounds what it can gain to as much."""
Lines = Sequence[Sequence[str]]


def columns(header: Sequence[str], lines: Lines, left: int = 1, wraps: int | None = None) -> Table:
    """Return a table whose first columns, so many, are words and the others figures."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for number, name in enumerate(header):
        justify = "left" if number < left else "right"
        table.add_column(name, justify=justify, no_wrap=number != wraps)
    for line in lines:
        table.add_row(*map(Text, line))
    return table


def below(title: str, table: Table, said: Sequence[str], *more: RenderableType) -> RenderableType:
    """Return a study for a terminal."""
    return Group(Text(title), "", table, "", *map(Text, said), *more)


def in_markdown(title: str, header: Sequence[str], lines: Lines, said: Sequence[str]) -> str:
    """Return a study as Markdown."""
    told = "".join(f"- {line}\n" for line in said)
    return f"{title}\n\n{rows(header, lines)}\n{told}"


def in_csv(header: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV; texts are one line each, and what is None is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for line in lines:
        writer.writerow(cell(one_line(one) if isinstance(one, str) else one) for one in line)
    return text.getvalue()


def picture(
    title: str, panels: int, draw: Callable[[Any], None], *, width: float = 12.0, **more: Any
) -> bytes:
    """Return what `draw` draws into so many panels, side by side under a title, as PNG.

    Raises ToolMissingError without matplotlib.
    """
    try:
        from matplotlib.figure import Figure  # drawn without pyplot: no global state, no display
    except ImportError as error:
        raise ToolMissingError(extras.missing("a picture", "matplotlib", "energy")) from error
    figure = Figure(figsize=(width, 4.6), layout="constrained")
    figure.suptitle(
        title, x=0.01, horizontalalignment="left", fontsize="medium", wrap=True, parse_math=False
    )
    axes = figure.subplots(1, panels, squeeze=False, **more)[0]
    draw(axes)
    figure.draw_without_rendering()  # only now is it known where each point lies
    for one in axes:
        _spread_names(one)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=DPI)
    return data.getvalue()


def name_point(axes: Any, at: tuple[float, float], name: str, colour: Any = "black") -> None:
    """Write a name beside a point; `picture` finds where it covers nothing."""
    axes.annotate(
        one_line(name), at, xytext=PLACES[0], textcoords="offset points", fontsize="small",
        gid=NAME, parse_math=False, color=colour,
    )  # fmt: skip


def _spread_names(axes: Any) -> None:
    """Put each name of a point where it covers no other one, no point, line or edge, if it can.

    Of many points the first ones have names.
    """
    every = [one for one in axes.texts if one.get_gid() == NAME]
    points = [axes.transData.transform(one.xy) for one in every]
    names = every[:NAMED_MOST]
    for one in every[NAMED_MOST:]:
        one.remove()
    inside, taken = axes.get_window_extent(), list[Any]()
    drawn = [one for one in axes.lines if one.get_linestyle() != "None"]
    lines = [one.get_path().transformed(one.get_transform()) for one in drawn]
    for one in names:
        found = list[tuple[int, tuple[int, int]]]()
        for place in PLACES:
            _put_name(one, place)
            box = one.get_window_extent()
            over = 3 * sum(box.overlaps(other) for other in taken)
            over += 3 * sum(bool(box.contains(*point)) for point in points)
            over += 3 * (not (inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1)))
            over += sum(line.intersects_bbox(box, filled=False) for line in lines)
            found.append((over, place))
        _, best = min(found, key=lambda each: each[0])
        _put_name(one, best)
        taken.append(one.get_window_extent())


def _put_name(name: Any, place: tuple[int, int]) -> None:
    x, _ = place
    name.set_position(place)
    name.set_horizontalalignment("left" if x > 0 else "right" if x < 0 else "center")


def plain_log(axis: Any) -> None:
    """Make an axis logarithmic, whose ticks are plain numbers, such as 3,000."""
    from matplotlib.ticker import LogLocator, NullLocator

    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 3)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(plain_tick)


def plain_tick(at: float, _: int | None) -> str:
    """Return the number at a tick."""
    return f"{at:,.0f}" if at >= 1 else f"{at:g}"


def of_model(share: float) -> str:
    """Return in words how much of a model some layers are, and what that bounds (Amdahl)."""
    told = f"these layers are {share * 100:.3g} % of the model's multiplications"
    if share >= 1:
        return told
    most = f"at most {1 / (1 - share):.3g} times as fast" if share > HARDLY else "hardly faster"
    return f"{told}: if time goes as these do, the whole model becomes {most}"


def code_of(sizes: Mapping[str, int], of: Mapping[str, Iterable[str]]) -> list[str]:
    """Return in words what the kernels of some ways take, if known; `of`: functions of each."""
    each = {way: sum(sizes.get(name, 0) for name in names) for way, names in of.items()}
    text = ", ".join(f"{way} {size_b:,} B" for way, size_b in each.items() if size_b)
    words = f"code of kernels, once in an image, however many layers call it: {text}"
    return [words] if text else []


def time_name(*, emulated: bool) -> str:
    """Return what an axis of time is called."""
    return "instructions (emulated, no measurement)" if emulated else "measured latency, s"


def reason(text: str | None) -> str:
    """Return why something was not done: at most REASON_MOST characters, whole words."""
    return textwrap.shorten(one_line(text or ""), REASON_MOST, placeholder=" ...")


def count(value: float | None) -> str:
    """Return a count as it is read, or a dash."""
    return "-" if value is None else f"{value:,}"


def micro(value_s: float | None) -> str:
    """Return a time in microseconds, below 10 of them with three digits, or a dash."""
    if value_s is None:
        return "-"
    value_us = value_s * 1e6
    return f"{value_us:,.2f}" if value_us >= SHORT_US else f"{value_us:.3g}"
