"""A stream over time as SVG text: its sound, its words, the detections, and what the model said."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .score import FRAME_MS

WIDTH, LEFT, RIGHT = 1000, 44, 8
WAVE, CURVE, GAP = 40, 30, 26
"""Heights in a row: of the sound, of the output below it, and to the next row."""
ROW_S = 120.0
"""Of the stream in a row."""
ROWS_MOST = 60
STYLE = """\
svg{background:#fff;font:11px sans-serif}.wave{stroke:#8b949e}.curve{fill:none;stroke:#2563b0}
.grid{stroke:#d5dae0}.level{stroke:#8b949e;stroke-dasharray:4 3}.word{fill:#1a7f37;fill-opacity:.3}
.missed{fill:#c4281b;fill-opacity:.4}.pulse{stroke:#1a7f37;stroke-width:1.5}
.alarm{stroke:#c4281b;stroke-width:2}"""


@dataclass(frozen=True, slots=True)
class Told:
    """What is drawn of a stream."""

    length_s: float
    windows_s: Sequence[tuple[float, float]]
    missed_s: Sequence[float]
    """When the missed words begin."""
    false_s: Sequence[float]
    """When false alarms begin."""
    detections: Sequence[int]
    """Frames."""
    word: Sequence[int]
    """Output 0 of each frame."""
    threshold: int
    loudness: Sequence[int]
    """The largest sample of each part of the stream, parts of the same length."""


def timeline(told: Told) -> str:
    """Return the picture as a file of its own, with its style."""
    content, height = drawn(told)
    head = f'viewBox="0 0 {WIDTH} {height}" role="img" class="timeline"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {head}><style>{STYLE}</style>{content}</svg>\n'


def drawn(told: Told) -> tuple[str, int]:
    """Return what stands in the picture, two minutes in a row, and its height.

    Grey: the sound; green: a word, red: one that was missed; below them what the model said, the
    threshold dashed; ticks at the bottom: detections, red ones begin a false alarm.
    """
    rows = min(ROWS_MOST, max(1, math.ceil(told.length_s / ROW_S)))
    return "".join(_row(told, row) for row in range(rows)), rows * (WAVE + CURVE + GAP) + 4


def _row(told: Told, row: int) -> str:
    start_s, top = row * ROW_S, row * (WAVE + CURVE + GAP)
    bottom = top + WAVE + CURVE
    parts = [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}"/>',
        f'<text x="2" y="{top + WAVE / 2 + 4:g}">{start_s:.0f} s</text>',
        _wave(told, start_s, top),
    ]
    level = bottom - CURVE * (told.threshold + 128) / 255
    parts.append(
        f'<line class="level" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{level:.1f}" y2="{level:.1f}"/>'
    )
    parts.append(_curve(told, start_s, bottom))
    missed = set(told.missed_s)
    for number, (begin_s, end_s) in enumerate(told.windows_s, start=1):
        if end_s <= start_s or begin_s >= start_s + ROW_S:
            continue
        left, right = _x(begin_s, start_s), _x(end_s, start_s)
        kind, said = ("missed", "missed") if begin_s in missed else ("word", "found")
        tip = f"word {number}, {begin_s:.2f} to {end_s:.2f} s: {said}"
        parts.append(
            f'<g class="mark" data-tip="{tip}"><title>{tip}</title>'
            f'<rect class="{kind}" x="{left:.1f}" '
            f'y="{top}" width="{max(1.5, right - left):.1f}" height="{WAVE + CURVE}"/></g>'
        )
    parts += [
        _ticks("pulse", [frame * FRAME_MS / 1000 for frame in told.detections], start_s, bottom, 6),
        _ticks("alarm", told.false_s, start_s, bottom, 12),
    ]
    return "".join(parts)


def _x(at_s: float, start_s: float) -> float:
    share = min(1.0, max(0.0, (at_s - start_s) / ROW_S))
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _wave(told: Told, start_s: float, top: float) -> str:
    """Return the sound of a row: a bar a part."""
    if not told.loudness or told.length_s < FRAME_MS / 1000:
        return ""
    each_s = told.length_s / len(told.loudness)
    first, end = math.floor(start_s / each_s), math.ceil((start_s + ROW_S) / each_s)
    middle, most = top + WAVE / 2, max(1, *told.loudness)
    path = "".join(
        f"M{_x((number + 0.5) * each_s, start_s):.1f} {middle - half:.1f}v{2 * half:.1f}"
        for number, loud in enumerate(told.loudness[first:end], start=first)
        if (half := WAVE / 2 * loud / most) >= 0.05
    )
    wide = max(0.5, 0.8 * (WIDTH - LEFT - RIGHT) * each_s / ROW_S)
    return f'<path class="wave" stroke-width="{wide:.1f}" d="{path}"/>' if path else ""


def _curve(told: Told, start_s: float, bottom: float) -> str:
    """Return the output of a row, the largest of each step of the picture, where it is above 0."""
    first = math.floor(start_s * 1000 / FRAME_MS)
    end = math.ceil((start_s + ROW_S) * 1000 / FRAME_MS)
    values = told.word[first:end]
    step = max(1, math.ceil((end - first) / (WIDTH - LEFT - RIGHT)))
    path, down = "", True
    for at in range(0, len(values), step):
        value = max(values[at : at + step])
        x = _x((first + at) * FRAME_MS / 1000, start_s)
        if value > -128:
            y = bottom - CURVE * (value + 128) / 255
            path += (f"M{x:.1f} {bottom}" if down else "") + f"L{x:.1f} {y:.1f}"
        elif not down:
            path += f"L{x:.1f} {bottom}"
        down = value <= -128
    return f'<path class="curve" d="{path}"/>' if path else ""


def _ticks(kind: str, times_s: Sequence[float], start_s: float, bottom: float, long: int) -> str:
    path = "".join(
        f"M{_x(at_s, start_s):.1f} {bottom + 1}v{long}"
        for at_s in times_s
        if start_s <= at_s < start_s + ROW_S
    )
    return f'<path class="{kind}" d="{path}"/>' if path else ""
