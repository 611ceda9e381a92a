"""Draw the house: its floors, rooms and imports, for docs/architecture.md.

`make map` runs this: it writes the picture, and the table of rooms in the page. Rooms stand on the
floors of rooms.py; an arrow is an import. Of the imports only those are drawn that no way through
other rooms stands for (the transitive reduction); several to one room share a shaft.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise, permutations
from pathlib import Path

from tests import ROOT
from tests.project.rooms import FLOORS, PACKAGES, folder_of, purpose, room_of, rooms_below

PICTURE = ROOT / "docs" / "pictures" / "architecture.svg"
PAGE = ROOT / "docs" / "architecture.md"
TABLE = re.compile(r"(<!-- rooms: written by `make map` -->\n).*?(\n<!-- end -->)", re.DOTALL)

WIDTH, MARGIN, GAP, STREET = 560, 26, 12, 34
"""Of the picture, around it, between rooms and between floors, in its own units."""
SHAFT = 14
NAME_PX, TEXT_PX, LINE = 14.5, 12.5, 16
LETTER = 0.57
"""Mean width of a letter of the text, of its height."""
PAD = 10
STYLE = """\
.sky { fill: #f6f7f9 } .room { stroke-width: 1 }
.name { font: 600 14.5px ui-monospace, Menlo, Consolas, monospace; fill: #16202c }
.text { font: 12.5px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #3a4654 }
.floor { font: 11px system-ui, sans-serif; fill: #8a95a3; text-anchor: middle }
.arrow { fill: none; stroke: #6b7888; stroke-width: 1.6 } .head { fill: #6b7888 }
.runner { fill: #e3edfb; stroke: #a9c5ec } .tinybench { fill: #e9e9ee; stroke: #bdbdc9 }
.datasets { fill: #e3f3e6; stroke: #a5d3ae } .energy { fill: #fdf0d5; stroke: #e8c885 }
.models { fill: #f3e6f7; stroke: #d3b0de }
@media (prefers-color-scheme: dark) {
.sky { fill: #12171e } .name { fill: #f0f4f9 } .text { fill: #c3ccd8 } .floor { fill: #7d8998 }
.arrow { stroke: #93a1b3 } .head { fill: #93a1b3 }
.runner { fill: #1c2f4a; stroke: #38588a } .tinybench { fill: #2a2d35; stroke: #4d525f }
.datasets { fill: #1b3524; stroke: #346644 } .energy { fill: #3d3015; stroke: #77602c }
.models { fill: #362340; stroke: #634374 }
}"""

Arrow = tuple[str, str]
Order = tuple[str, ...]
"""What is on a floor from left to right: rooms, and shafts named ">" and the room they lead to."""


@dataclass(frozen=True)
class Box:
    """Where a room or a shaft is."""

    left: float
    right: float
    top: float
    bottom: float


def below(room: str) -> frozenset[str]:
    """Return every room that a room stands on, however far down."""
    near = rooms_below()[room]
    return near.union(*map(below, near))


def arrows() -> list[Arrow]:
    """Return the imports between rooms that no longer way stands for, sorted."""
    return sorted(
        (room, target)
        for room, near in rooms_below().items()
        for target in near
        if not any(target in below(other) for other in near)
    )


def floors(drawn: Sequence[Arrow]) -> list[Order]:
    """Return what is on each floor, the highest first, with the fewest crossings that are found."""
    heights = sorted(set(FLOORS.values()), reverse=True)
    orders = []
    for height in heights:
        rooms = [room for room in FLOORS if FLOORS[room] == height]
        shafts = {f">{b}" for a, b in drawn if FLOORS[b] < height < FLOORS[a]}
        orders.append((*rooms, *sorted(shafts)))
    links = [_links(upper, lower, drawn) for upper, lower in pairwise(orders)]
    for _ in range(4):
        for sweep in (range(len(orders)), reversed(range(len(orders)))):
            for at in sweep:
                orders[at] = min(permutations(sorted(orders[at])), key=_cost(orders, links, at))
    return orders


def _links(upper: Order, lower: Order, drawn: Sequence[Arrow]) -> list[Arrow]:
    """Return what is joined between two floors that are next to each other."""
    found = set()
    for start, end in drawn:
        head = end if end in lower else f">{end}"
        for tail in (start, f">{end}"):
            if tail in upper and head in lower and (tail != start or FLOORS[start] > FLOORS[end]):
                found.add((tail, head))
    return sorted(found)


def _cost(orders: Sequence[Order], links: Sequence[list[Arrow]], at: int):
    """Return what to minimise on one floor: crossings first, then ways to the side."""

    def cost(order: Order) -> tuple[int, float]:
        tried = [*orders[:at], order, *orders[at + 1 :]]
        crossings, aside = 0, 0.0
        for n in (at - 1, at):
            if not 0 <= n < len(links):
                continue
            upper, lower = _spans(tried[n]), _spans(tried[n + 1])
            ends = [_ports(upper[a], lower[b]) for a, b in links[n]]
            aside += sum(abs(a - b) for a, b in ends)
            crossings += sum((a - c) * (b - d) < 0 for a, b in ends for c, d in ends)
        return crossings, round(aside, 3)

    return cost


def _spans(order: Order) -> dict[str, tuple[float, float]]:
    """Return the left and right side of each room and shaft of a floor: rooms share its width."""
    shafts = sum(one.startswith(">") for one in order)
    free = WIDTH - 2 * MARGIN - shafts * SHAFT - (len(order) - 1) * GAP
    left = float(MARGIN)
    spans = {}
    for one in order:
        width = SHAFT if one.startswith(">") else free / (len(order) - shafts)
        spans[one] = (left, left + width)
        left += width + GAP
    return spans


def _ports(upper: tuple[float, float], lower: tuple[float, float]) -> tuple[float, float]:
    """Return where an arrow leaves and enters: straight down where that can be."""

    def inner(span: tuple[float, float]) -> tuple[float, float]:
        inset = min(18.0, (span[1] - span[0]) / 2)
        return span[0] + inset, span[1] - inset

    (a, b), (c, d) = inner(upper), inner(lower)
    low, high = max(a, c), min(b, d)
    if low <= high:
        middle = (low + high) / 2
        return middle, middle
    return (b, c) if b < c else (a, d)


def wrapped(room: str, width: float) -> list[str]:
    """Return the purpose of a room in lines that fit."""
    return textwrap.wrap(purpose(room), int((width - 2 * PAD) / (TEXT_PX * LETTER)))


def boxes(orders: Sequence[Order]) -> list[dict[str, Box]]:
    """Return where everything is, floor by floor; a floor is as high as its fullest room."""
    found, top = [], float(MARGIN)
    for order in orders:
        spans = _spans(order)
        lines = max(
            len(wrapped(one, right - left))
            for one, (left, right) in spans.items()
            if not one.startswith(">")
        )
        bottom = top + 2 * PAD + LINE * (lines + 1)
        found.append({one: Box(*span, top, bottom) for one, span in spans.items()})
        top = bottom + STREET
    return found


def draw() -> str:
    """Return the picture as SVG."""
    drawn = arrows()
    placed = boxes(floors(drawn))
    height = max(box.bottom for box in placed[-1].values()) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH * 1.2:.0f}" role="img">',
        "<title>The rooms of tinybench, floor by floor; arrows are imports</title>",
        f"<style>\n{STYLE}\n</style>",
        f'<rect class="sky" width="{WIDTH}" height="{height:.0f}" rx="10"/>',
        *(_arrow(arrow, placed) for arrow in drawn),
    ]
    for floor in placed:
        rooms = [room for room in floor if not room.startswith(">")]
        middle = (floor[rooms[0]].top + floor[rooms[0]].bottom) / 2 + 4
        parts.append(
            f'<text class="floor" x="{MARGIN / 2}" y="{middle:.1f}">{FLOORS[rooms[0]]}</text>'
        )
        parts += [line for room in rooms for line in _room(room, floor[room])]
    return "\n".join([*parts, "</svg>", ""])


def _room(room: str, box: Box) -> Iterator[str]:
    folder = folder_of(room)
    yield (
        f'<rect class="room {folder.split("/", maxsplit=1)[0]}" x="{box.left:.1f}" '
        f'y="{box.top:.1f}" width="{box.right - box.left:.1f}" '
        f'height="{box.bottom - box.top:.1f}" rx="6"/>'
    )
    y = box.top + PAD + 11
    yield f'<text class="name" x="{box.left + PAD:.1f}" y="{y:.1f}">{escape(folder)}/</text>'
    for line in wrapped(room, box.right - box.left):
        y += LINE
        yield f'<text class="text" x="{box.left + PAD:.1f}" y="{y:.1f}">{escape(line)}</text>'


def _arrow(arrow: Arrow, placed: Sequence[dict[str, Box]]) -> str:
    start, end = arrow
    way = [floor for floor in placed if start in floor or end in floor or f">{end}" in floor]
    way = way[next(n for n, floor in enumerate(way) if start in floor) :]
    path, to = "", 0.0
    for n, (upper, lower) in enumerate(pairwise(way)):
        a = upper[start if n == 0 else f">{end}"]
        b = lower[end] if end in lower else lower[f">{end}"]
        x, to = _ports((a.left, a.right), (b.left, b.right))
        last = b.top - 6 if end in lower else b.top
        half = (a.bottom + last) / 2
        path += f"M{x:.1f} {a.bottom:.1f}" if n == 0 else f"L{x:.1f} {a.bottom:.1f}"
        path += f"C{x:.1f} {half:.1f} {to:.1f} {half:.1f} {to:.1f} {last:.1f}"
    box = way[-1][end]
    tip = f"M{to:.1f} {box.top - 1:.1f}l-4.5 -8h9z"
    return (
        f'<g data-from="{start}" data-to="{end}"><path class="arrow" d="{path}"/>'
        f'<path class="head" d="{tip}"/></g>'
    )


def table() -> str:
    """Return the rooms and what is in them as rows of Markdown, the highest floor first."""
    rows = ["| floor | room | what it is for |", "| --- | --- | --- |"]
    for room in sorted(FLOORS, key=lambda room: (-FLOORS[room], room)):
        rows.append(f"| {FLOORS[room]} | `{folder_of(room)}/` | {purpose(room)} |")
        rows += [
            f"| | `{folder_of(package)}/` | {purpose(package)} |"
            for package in sorted(set(PACKAGES) - FLOORS.keys())
            if room_of(package) == room
        ]
    return "\n".join(rows)


def page(text: str) -> str:
    """Return the page with the table of today's rooms in its place."""
    return TABLE.sub(lambda found: f"{found[1]}\n{table()}\n{found[2]}", text)


def write(picture: Path = PICTURE, text: Path = PAGE) -> None:
    """Write the picture, and the table into the page."""
    picture.write_text(draw(), encoding="utf-8")
    text.write_text(page(text.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write()
