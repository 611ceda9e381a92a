"""A picture of a model's arena: which tensors lie where in it, and during which operators."""

import io

from tinybench import extras
from tinybench.errors import ToolMissingError
from tinybench.models.compiler.anatomy import Anatomy
from tinybench.printable import one_line

SIZE_IN = (10.0, 5.5)
NAME_MOST = 24
NAMED_SHARE = 0.06
"""Of the arena: what is smaller is drawn without its name."""


def as_png(found: Anatomy) -> bytes:
    """Return the picture, for the first of the kinds of kernels that were examined.

    Raises ToolMissingError without matplotlib.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle
    except ImportError:
        raise ToolMissingError(extras.missing("drawing pictures", "matplotlib", "energy")) from None
    kernels, need = next(iter(found.needs.items()))
    figure = Figure(figsize=SIZE_IN, layout="constrained")
    axes = figure.subplots()
    colours = [f"C{number}" for number in range(10)]
    for number, life in enumerate(need.lives):
        width, height = life.last - life.first + 1, life.size_b / 1000
        scratch = life.what.startswith("scratch of ")
        axes.add_patch(
            Rectangle(
                (life.first - 0.5, life.offset_b / 1000),
                width,
                height,
                facecolor="0.8" if scratch else colours[number % len(colours)],
                alpha=0.6,
                edgecolor="black",
                linewidth=0.5,
                hatch="//" if scratch else None,
            )
        )
        if life.size_b >= NAMED_SHARE * need.arena_b and not scratch:
            axes.text(
                life.first - 0.5 + width / 2,
                (life.offset_b + life.size_b / 2) / 1000,
                one_line(life.what)[-NAME_MOST:].replace("$", r"\$"),
                ha="center",
                va="center",
                fontsize=6,
                rotation=90 if width < len(need.operators) / 4 else 0,
            )
    axes.step(
        [entry.index for entry in need.operators],
        [entry.arena_b / 1000 for entry in need.operators],
        where="mid",
        color="black",
        linewidth=1.2,
        label="in use",
    )
    axes.set_xlim(-0.5, max(1, len(need.operators)) - 0.5)
    axes.set_ylim(0, max(1, need.arena_b) / 1000 * 1.05)
    axes.set_xlabel("operator")
    axes.set_ylabel("offset in the arena (kB)")
    axes.set_title(
        f"{one_line(found.file)[:60]}: arena of {need.arena_b:,} bytes, {kernels} kernels "
        "(hatched: scratch memory)".replace("$", r"\$"),
        fontsize=9,
    )
    axes.legend(loc="upper right", fontsize=8)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=150)
    return out.getvalue()
