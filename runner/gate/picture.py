"""How far each figure moved, as an SVG picture that needs no style sheet and no script."""

import base64
import html

from tinybench.printable import one_line

from ..compare.change import Comparison
from ..compare.gate import Difference

WIDTH, ROW, LEFT, RIGHT = 640, 22, 190, 96
INK, GRID, BETTER_UNKNOWN, FAILED = "#24292f", "#afb8c1", "#0969da", "#cf222e"
LEAST = 0.001
"""The scale reaches at least so far, as a share: a difference of an instruction is no long bar."""


def changes(found: Comparison) -> str:
    """Return a bar a figure that both sides have: its change in per cent, red where a gate failed.

    "" where there is none.
    """
    lines = [line for line in found.differences if line.relative is not None]
    if not lines:
        return ""
    failed = {
        (failure.task, failure.board, failure.gate.replace(">", "<").partition("<")[0].strip())
        for failure in found.failures
    }
    most = max([LEAST, *(abs(line.relative or 0.0) for line in lines)])
    half = (WIDTH - LEFT - RIGHT) / 2
    zero, height = LEFT + half, ROW * len(lines) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" font-family="sans-serif" font-size="13">',
        f"<title>{_safe(spoken(found))}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<path d="M{zero} 4V{height - 22}" stroke="{GRID}"/>',
    ]
    for index, line in enumerate(lines):
        share = line.relative or 0.0
        length = half * abs(share) / most
        left, y = (zero if share > 0 else zero - length), index * ROW + 6
        colour = FAILED if (line.task, line.board, line.metric) in failed else BETTER_UNKNOWN
        parts.append(
            f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end" fill="{INK}">'
            f"{_safe(_name(line))}</text>"
            f'<rect x="{left:.1f}" y="{y}" width="{length:.1f}" height="{ROW - 6}" '
            f'fill="{colour}"/>'
            f'<text x="{WIDTH - RIGHT + 8}" y="{y + 12}" fill="{INK}">{share:+.3%}</text>'
        )
    parts.append(
        f'<text x="{zero}" y="{height - 6}" text-anchor="middle" fill="{INK}">'
        f"change from the baseline, {most:.3g} of it at either end</text></svg>"
    )
    return "".join(parts)


def spoken(found: Comparison) -> str:
    """Return the picture in words, for whoever does not see it."""
    moved = [line for line in found.differences if line.relative]
    words = ", ".join(f"{line.metric} {line.relative:+.3%}" for line in moved)
    return f"change from the baseline: {words or 'none'}"


def data_address(svg: str) -> str:
    """Return a picture as an address that holds it."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _name(line: Difference) -> str:
    return f"{line.metric} ({line.label})" if line.label else line.metric


def _safe(words: str) -> str:
    return html.escape(one_line(words))
