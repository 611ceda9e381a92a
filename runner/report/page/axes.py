"""The axes of a plot: where a value lies, and what is written at its edges."""

import math
from collections.abc import Sequence

from .parts import WIDTH, text

HEIGHT = 210
LEFT, RIGHT, TOP, BOTTOM = 66, 10, 10, 36

Ticks = Sequence[tuple[float, str]]
"""Where each is, and what it says."""


class Axes:
    """Where a value lies in the picture."""

    def __init__(self, left: float, right: float, low: float, high: float) -> None:
        self._left, self._right, self._low, self._high = left, right, low, high

    @property
    def high(self) -> float:
        return self._high

    def x(self, value: float) -> float:
        share = (value - self._left) / (self._right - self._left)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def decades(self, *, vertical: bool) -> Ticks:
        """Return ticks of an axis that has logarithms, at 1, 2 and 5 of each power of ten."""
        low, high = (self._low, self._high) if vertical else (self._left, self._right)
        powers = range(math.floor(low), math.ceil(high) + 1)
        for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
            values = [step * 10.0**power for power in powers for step in steps]
            inside = [value for value in values if low <= math.log10(value) <= high]
            if len(inside) >= 3:
                break
        else:
            inside = [10.0 ** (low + (high - low) * part) for part in (0.1, 0.5, 0.9)]
        return [(math.log10(value), _plain(value)) for value in inside]

    def frame(self, x_label: str, y_label: str, x_ticks: Ticks = (), y_ticks: Ticks = ()) -> str:
        parts = []
        for tick, words in y_ticks or ticks(self._low, self._high):
            y = self.y(tick)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
            parts.append(f'<text class="name" x="{LEFT - 4}" y="{y + 4}">{words}</text>')
        for tick, words in x_ticks or ticks(self._left, self._right):
            at = f'x="{self.x(tick)}" y="{HEIGHT - BOTTOM + 14}"'
            parts.append(f'<text class="count" {at}>{words}</text>')
        middle = (LEFT + WIDTH - RIGHT) / 2
        parts.append(f'<text class="count" x="{middle}" y="{HEIGHT - 6}">{text(x_label)}</text>')
        parts.append(
            f'<text class="count" x="10" y="{(HEIGHT - BOTTOM) / 2}" '
            f'transform="rotate(-90 10 {(HEIGHT - BOTTOM) / 2})">{text(y_label)}</text>'
        )
        return "".join(parts)


def numbered(count: int) -> list[tuple[float, str]]:
    """Return the numbers of windows as ticks."""
    return [(float(number), str(number)) for number in range(1, count + 1)]


def around(values: Sequence[float]) -> tuple[float, float]:
    """Return a range around the values that is never empty."""
    low, high = min(values), max(values)
    size = max(abs(low), abs(high))
    room = (high - low) * 0.1 if high - low > 1e-7 * size else size * 0.01 or 1.0
    return low - room, high + room


def ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return three to ten round numbers within a range, and how they are written."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first = math.ceil(low / step - 1e-9)
    numbers = [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]
    if max(abs(low), abs(high)) >= 1e6 and step >= 1e3:  # there is room for seven characters
        millions = max(0, 6 - math.floor(math.log10(step) + 1e-9))
        return [(number, f"{number / 1e6:.{millions}f}M") for number in numbers]
    return [(number, f"{number:,.{digits}f}") for number in numbers]


def _plain(value: float) -> str:
    """Return a number of three digits, without an exponent where that is no longer."""
    return f"{value:,.0f}" if 1000 <= value < 1e7 else f"{value:.3g}"
