"""A picture of a model's arena: which tensors lie where in it, and during which operators."""

import io
from collections.abc import Sequence
from typing import Any

from tinybench import extras
from tinybench.errors import ToolMissingError
from tinybench.models.compiler.anatomy import Anatomy, Need
from tinybench.models.compiler.layout import SCRATCH, Life
from tinybench.models.compiler.strips.cut import IN_STRIPS
from tinybench.printable import one_line

SIZE_IN = (11.0, 5.5)
SHARES = (3, 1)
"""Of the width: the arena, and the names."""
NAMED_MOST = 14
"""Tensors that have a number, and a line each beside the arena."""
NAME_MOST = 40
TITLE_MOST = 60
NUMBER_WIDE, NUMBER_HIGH = 0.022, 0.045
"""Of a number, as parts of the picture: two that are nearer hide each other."""
PARTS = (0.5, 0.7, 0.3, 0.9, 0.1, 0.6, 0.4, 0.8, 0.2)
"""Of a tensor's height, where its number may stand."""


def as_png(found: Anatomy) -> bytes:
    """Return the picture, for the first of the kinds of kernels that were examined.

    Raises ToolMissingError without matplotlib.
    """
    try:
        from matplotlib import style
        from matplotlib.figure import Figure
    except ImportError:
        raise ToolMissingError(extras.missing("drawing pictures", "matplotlib", "energy")) from None
    kernels, need = next(iter(found.needs.items()))
    out = io.BytesIO()
    with style.context("default"):  # black on white, whatever the user's own style is
        figure = Figure(figsize=SIZE_IN, layout="constrained")
        arena, key = figure.subplots(1, 2, width_ratios=SHARES)
        places = numbered(need)
        _draw(arena, need, {name: f"C{at % 10}" for at, name in enumerate(places)})
        for number, (x, y) in enumerate(places.values(), 1):
            box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "linewidth": 0.4}
            arena.text(
                x,
                y * need.arena_b / 1000,
                str(number),
                ha="center",
                va="center",
                fontsize=8,
                bbox=box,
            )
        arena.set_title(
            _plain(
                f"{one_line(found.file)[:TITLE_MOST]}: {need.arena_b:,} bytes, {kernels} kernels"
            ),
            fontsize=10,
        )
        _name(key, need, [*places])
        figure.savefig(out, format="png", dpi=150)
    return out.getvalue()


def numbered(need: Need) -> dict[str, tuple[float, float]]:
    """Return the tensors that have a number, and where it stands so that no other is near.

    A place is an operator and a part of the arena's height.
    """
    places, wide = dict[str, tuple[float, float]](), len(need.operators) * NUMBER_WIDE
    for name in _largest(need):
        life = max((one for one in need.lives if one.what == name), key=lambda one: one.size_b)
        x = (life.first + life.last) / 2
        steps = [(life.offset_b + life.size_b * part) / need.arena_b for part in PARTS]
        free = (
            y
            for y in steps
            if all(
                abs(x - at) > wide or abs(y - high) > NUMBER_HIGH for at, high in places.values()
            )
        )
        places[name] = x, next(free, steps[0])
    return places


def _largest(need: Need) -> list[str]:
    """Return tensors in the order in which they come to life: the largest, and all at the peak."""
    peak = max(need.operators, key=lambda entry: entry.arena_b).index
    worth = dict[str, tuple[bool, int]]()
    for life in need.lives:
        if not life.what.startswith(SCRATCH):
            here = (life.first <= peak <= life.last, life.size_b)
            worth[life.what] = max(worth.get(life.what, here), here)
    kept = sorted(worth, key=lambda name: worth[name], reverse=True)[:NAMED_MOST]
    return [name for name in worth if name in kept]


def _draw(axes: Any, need: Need, colours: dict[str, str]) -> None:
    """Draw what is in the arena, and above it how much of it is in use."""
    from matplotlib.patches import Rectangle

    for life in need.lives:
        scratch = life.what.startswith(SCRATCH)
        axes.add_patch(
            Rectangle(
                (life.first - 0.5, life.offset_b / 1000),
                life.last - life.first + 1,
                life.size_b / 1000,
                facecolor="none" if scratch else colours.get(life.what, "0.75"),
                alpha=0.55,
                edgecolor="black",
                linewidth=0.5,
                hatch="///" if scratch else None,
            )
        )
    ends = [-0.5 + place for place in range(len(need.operators) + 1)]
    used = [entry.arena_b / 1000 for entry in need.operators]
    axes.stairs(used, ends, color="black", linewidth=1.4)
    axes.set_xlim(ends[0], ends[-1])
    axes.set_ylim(0, max(1, need.arena_b) / 1000 * 1.05)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("operator")
    axes.set_ylabel("offset in the arena (kB)")


def _name(axes: Any, need: Need, largest: Sequence[str]) -> None:
    """Write what each number is: operator, bytes, and the end of the tensor's name."""
    operators = {entry.index: entry.operator for entry in need.operators}
    lines = ["line: bytes in use; hatched: scratch", "gray: other tensors", ""]
    for number, name in enumerate(largest, 1):
        lives = [life for life in need.lives if life.what == name]
        lines.append(f"{number}  {_sizes(lives)} by {lives[0].first} {operators[lives[0].first]}")
        lines.append(f"     {_cut(name)}")
    axes.axis("off")
    axes.text(
        0, 1, _plain("\n".join(lines)), va="top", fontsize=7, linespacing=1.25,
        transform=axes.transAxes,
    )  # fmt: skip


def _sizes(lives: Sequence[Life]) -> str:
    most_b = max(life.size_b for life in lives)
    return f"{most_b:,} B" if len(lives) == 1 else f"{len(lives)} parts of up to {most_b:,} B"


def _cut(name: str) -> str:
    """Return a name that has room: its end, which tells it from others."""
    name = one_line(name.removeprefix(IN_STRIPS))
    return name if len(name) <= NAME_MOST else f"...{name[3 - NAME_MOST :]}"


def _plain(text: str) -> str:
    """Return a text without what matplotlib takes for a formula."""
    return text.replace("$", r"\$")
