"""A run, or several, summed up in one picture of the size that messages and slides show."""

from collections.abc import Sequence

from tinybench.plural import counted
from tinybench.printable import all_printable

from ..compare.store import Summary
from .page.parts import text
from .page.run import kind_of, tiles_of
from .table import accuracy, milliseconds, validity

WIDTH, HEIGHT = 1200, 630
"""Ref: the size that the Open Graph protocol's readers show whole."""
LEFT = 64
COLUMNS, COLUMN = 3, 360
ROWS_MOST = 5
INK, SOFT, GOOD, BAD, WARN = "#1b1f24", "#545d68", "#1a7f37", "#b42318", "#7a4f00"
LINE_MOST, FOOT_MOST = 92, 112
"""Characters of a line in small print."""


def card(runs: Sequence[Summary]) -> str:
    """Return the picture as SVG: of a run its verdict and figures, of several the fastest ones."""
    shown = list(map(all_printable, runs))
    body = _one(shown[0]) if len(shown) == 1 else _several(shown)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" font-family="sans-serif" fill="{INK}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
        f'<rect width="{WIDTH}" height="14" fill="#2563b0"/>{body}</svg>\n'
    )


def _one(run: Summary) -> str:
    kind = kind_of(run.emulated, run.board)
    parts = [
        _line(f"{run.task} on {run.board}", LEFT, 112, 60, bold=True, most=31),
        _line(validity(run), LEFT, 176, 34, GOOD if run.valid else BAD, bold=True, most=56),
        _badge(kind, 64, 206),
    ]
    if not run.valid:
        parts.append(_line(f"breaks {', '.join(run.broken_rules)}", 300, 236, 24, BAD, most=70))
    for number, (name, value, unit) in enumerate(tiles_of(run)):
        x, y = LEFT + number % COLUMNS * COLUMN, 320 + number // COLUMNS * 116
        figure, _, bounds = value.partition(" (")
        said = ""
        for word in ("estimated", "modelled", "emulated"):
            if f" {word}" in figure:
                figure, said = figure.replace(f" {word}", ""), word
        parts.append(_line(name, x, y, 22, SOFT))
        parts.append(_line(f"{figure}{unit}", x, y + 42, 36, bold=True, most=19))
        below = " ".join(filter(None, (said, bounds.rstrip(")"))))
        if below:
            parts.append(_line(below, x, y + 68, 20, WARN if said else SOFT, most=34))
    said = [run.core, run.started_at[:10], f"model {run.model}", f"profile {run.profile}"]
    if run.git_commit:
        said.append(f"commit {run.git_commit[:12]}")
    return "".join(parts) + _foot(" · ".join(filter(None, said)), run)


def _several(runs: Sequence[Summary]) -> str:
    valid = sum(run.valid for run in runs)
    kinds = [kind_of(run.emulated, run.board) for run in runs]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    parts = [
        _line(counted(len(runs), "run"), LEFT, 112, 60, bold=True),
        _line(f"{valid} of {len(runs)} valid; {counts}", LEFT, 172, 30,
              GOOD if valid == len(runs) else BAD, bold=True, most=64),
        _line("the fastest of each task that is valid", LEFT, 226, 24, SOFT),
    ]  # fmt: skip
    best: dict[tuple[str, str], tuple[float, Summary]] = {}
    for run, kind in zip(runs, kinds, strict=True):
        each_s = run.estimated_latency_s if run.emulated else run.latency_s
        if run.valid and each_s is not None:
            before = best.get((run.task, kind))
            if before is None or each_s < before[0]:
                best[run.task, kind] = (each_s, run)
    for number, ((task, kind), (_, run)) in enumerate(list(best.items())[:ROWS_MOST]):
        y = 280 + number * 58
        parts.append(_line(task, LEFT, y, 30, bold=True, most=14))
        parts.append(_line(run.board, 300, y, 30, most=20))
        parts.append(
            _line(milliseconds(run).replace(" estimated", "") + " ms", 640, y, 30, most=16)
        )
        parts.append(_line(accuracy(run).partition(" (")[0], 880, y, 30, most=10))
        parts.append(_line("estimated" if run.emulated else kind, 1010, y, 22, WARN))
    if len(best) > ROWS_MOST:
        parts.append(_line(f"and {len(best) - ROWS_MOST} more", LEFT, 566, 20, SOFT))
    return "".join(parts) + _foot("", runs[-1])


def _foot(said: str, run: Summary) -> str:
    by = f"tinybench {run.tinybench}"
    return _line(" · ".join(filter(None, (said, by))), LEFT, 600, 20, SOFT, most=FOOT_MOST)


def _badge(word: str, x: float, y: float) -> str:
    width = 15 * len(word) + 24
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="42" rx="6" fill="none" '
        f'stroke="{WARN}" stroke-width="2"/>'
        + _line(word, x + width / 2, y + 30, 26, WARN, bold=True, middle=True)
    )


def _line(
    words: str, x: float, y: float, size: int, fill: str = INK, *, bold: bool = False,
    middle: bool = False, most: int = LINE_MOST,
) -> str:  # fmt: skip
    shown = words if len(words) <= most else words[: most - 1] + "…"
    more = ' font-weight="bold"' * bold + ' text-anchor="middle"' * middle
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{fill}"{more}>{text(shown)}</text>'
