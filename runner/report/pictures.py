"""The plots of a page as pictures of their own: SVG that needs nothing else, PNG made from it."""

import html
import re
import textwrap
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from tinybench import extras
from tinybench.errors import ToolMissingError

from .page import parts

ZOOM = 3.0
"""Pixels of a PNG for one of the page: a plot is as wide as a column of print at 300 dpi."""
SANS_SERIF = (
    "Liberation Sans", "DejaVu Sans", "Noto Sans", "Arial", "Helvetica", "Helvetica Neue",
    "Segoe UI", "Open Sans", "Ubuntu", "Cantarell", "FreeSans", "Nimbus Sans",
)  # fmt: skip
"""Fonts of today's desktops, the nearest to a page's first."""
TITLE = 24
"""Height of the line above a plot that says what it is."""
NAME_MOST = 60
LEGEND_MOST, LEGEND = 68, 13
"""Letters of a line below a plot, and its height."""

_PLOT = re.compile(
    r'<svg viewBox="0 0 (?P<width>[0-9.]+) (?P<height>[0-9.]+)" role="img" '
    r'aria-label="(?P<label>[^"]*)"(?P<kind>(?: class="[a-z]+")?)>(?P<content>.*?)</svg>',
    re.DOTALL,
)
_BEHIND = '<div class="behind">'
_NOTE = re.compile(r'<p class="note">([^<]*)</p>\Z')
_TIP = re.compile(r'<g class="mark" data-tip="([^"]*)"[^>]*>(?:<title>[^<]*</title>)?')


class Drawn(NamedTuple):
    """A picture, and the name of its file without a suffix."""

    name: str
    svg: str


def plots(page: str, of: str) -> list[Drawn]:
    """Return the plots of a page of ours, in its order, each with a line that says what it is.

    `of`: what the page is about, which stands before the name of each.
    """
    found: list[Drawn] = []
    for match in _PLOT.finditer(page):
        label = html.unescape(match["label"])
        name = _unused(_slug(label.partition(" (")[0]), {one.name for one in found})
        below = _NOTE.search(page[match.end() : page.find(_BEHIND, match.end())])
        legend = html.unescape(below[1]) if below else ""
        found.append(Drawn(name, _alone(match, f"{of}: {label}", legend)))
    return found


def _alone(match: "re.Match[str]", said: str, legend: str) -> str:
    """Return a plot with its style, a white ground, its title, and the note below it.

    Tips are read out by viewers.
    """
    width, high = float(match["width"]), float(match["height"])
    lines = textwrap.wrap(legend, int(LEGEND_MOST * width / parts.WIDTH))
    height = high + LEGEND * len(lines) + (4 if lines else 0)
    below = "".join(
        f'<text class="legend" x="4" y="{high + LEGEND * number:g}">{parts.text(line)}</text>'
        for number, line in enumerate(lines, 1)
    )
    short = said.rpartition(" (")[0] or said
    most = NAME_MOST if width <= parts.WIDTH else 3 * NAME_MOST
    short = short if len(short) <= most else short[: most - 1] + "…"
    content = _TIP.sub(lambda tip: f'<g class="mark"><title>{tip[1]}</title>', match["content"])
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 {-TITLE} {width:g} {height + TITLE:g}" '
        f'width="{width:g}" height="{height + TITLE:g}" role="img" '
        f'aria-label="{parts.text(said)}"{match["kind"]}><style>{_style()}</style>'
        f'<rect y="{-TITLE}" width="100%" height="100%" fill="#fff"/>'
        f'<text x="4" y="-9" font-weight="bold">{parts.text(short)}</text>{content}{below}</svg>\n'
    )


@cache
def _style() -> str:
    """Return what page.css says of plots, with the colours of paper."""
    css = files(parts.__package__ or "").joinpath("page.css").read_text("utf-8")
    light, _, _ = css.partition("@media")
    inks = dict(re.findall(r"--([\w-]+): ([^;]+);", light))
    rules = [line for line in css.splitlines() if line.startswith(("svg .", "svg text", "svg."))]
    said = re.sub(r"var\(--([\w-]+)\)", lambda match: inks[match[1]], "".join(rules))
    return "svg { font-family: sans-serif; }" + said


def _slug(words: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "plot"


def _unused(name: str, taken: set[str]) -> str:
    number, wanted = 1, name
    while wanted in taken:
        number += 1
        wanted = f"{name}-{number}"
    return wanted


def as_png(svg: str, zoom: float = ZOOM) -> bytes:
    """Return a picture of ours as PNG.

    Raises ToolMissingError without resvg, or on a computer without any font.
    """
    try:
        import resvg_py
    except ImportError as error:
        raise ToolMissingError(extras.missing("--to png", "resvg-py", "pictures")) from error

    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=zoom, sans_serif_family=font()))


@cache
def font() -> str:
    """Return the font of this computer that stands for any sans serif: resvg looks for none.

    It leaves words out in silence: one is drawn to see. Raises ToolMissingError without any.
    """
    import resvg_py

    for family in SANS_SERIF:
        blank, word = (
            resvg_py.svg_to_bytes(
                svg_string='<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">'
                f'<text y="16" font-family="sans-serif">{text}</text></svg>',
                sans_serif_family=family,
            )
            for text in ("", "x")
        )
        if blank != word:
            return family
    raise ToolMissingError(
        f"--to png: this computer has none of the fonts {', '.join(SANS_SERIF)}, and the picture "
        "would have no words; install one, such as the package fonts-dejavu-core, or use --to svg"
    )


def encoded(pictures: Iterable[Drawn], form: str) -> dict[str, bytes]:
    """Return the files of pictures by their names, as svg or png. Raises as `as_png`."""
    return {
        f"{one.name}.{form}": one.svg.encode() if form == "svg" else as_png(one.svg)
        for one in pictures
    }
