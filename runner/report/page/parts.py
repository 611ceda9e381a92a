"""What a page is made of: figures with a table behind each, cards, tables, the document."""

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

from tinybench.printable import one_line

WIDTH = 360
"""Of a picture: that of a phone."""
STAMP = 14
"""Height of the line below a picture that says what its figures are."""

Cell = object
"""Of a table: shown as text, unless it is `Html`."""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


class Picture(NamedTuple):
    """A plot: what stands in its `<svg>`."""

    content: str
    height: float = 210
    width: float = WIDTH
    kind: str = ""

    def svg(self, name: str, stamp: str) -> str:
        """Return the whole; `stamp` is written into the picture itself, and so into any copy."""
        box = f"0 0 {self.width:g} {self.height + STAMP:.0f}"
        kind = f' class="{self.kind}"' if self.kind else ""
        said = f"{name} ({stamp})" if stamp else name
        return (
            f'<svg viewBox="{box}" role="img" aria-label="{text(said)}"{kind}>{self.content}'
            f'<text class="stamp {_kind(stamp)}" x="{self.width - 4:g}" '
            f'y="{self.height + STAMP - 4:.0f}">{text(stamp)}</text></svg>'
        )


class Behind(NamedTuple):
    """The table behind a picture."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def text(words: object) -> str:
    """Return words as HTML that shows them and does nothing else."""
    return words if isinstance(words, Html) else html.escape(one_line(str(words)))


def badge(word: str) -> str:
    """Return what a figure is, as a mark that stands beside it: measured, emulated, ..."""
    return f'<span class="badge {_kind(word)}">{text(word)}</span>'


def _kind(stamp: str) -> str:
    """Return the first word of what a figure is, by which it is coloured."""
    return text(stamp.partition(" ")[0])


def figure(
    title: str,
    picture: Picture,
    behind: Behind,
    stamp: str,
    *,
    note: str = "",
    more: str = "",
    data: Mapping[str, object] | None = None,
    kind: str = "",
) -> str:
    """Return a picture as a card: with its name, what its figures are, and its table.

    `more` is HTML below the picture, `data` becomes attributes that the script reads.
    """
    rows = table(behind.head, behind.rows, f"{title}, as a table")
    drawn = picture.svg(title, stamp)
    if picture.width > WIDTH:  # no phone is as wide: it is moved there, by keys as well
        drawn = (
            f'<div class="scroll" tabindex="0" role="region" aria-label="{text(title)}">{drawn}'
            "</div>"
        )
    return card(
        title,
        f"{drawn}{more}{_note(note)}"
        f'<div class="behind">{rows}</div>',
        kind,
        data,
        badge(stamp) if stamp else "",
    )  # fmt: skip


def card(
    title: str,
    body: str,
    kind: str = "",
    data: Mapping[str, object] | None = None,
    mark: str = "",
) -> str:
    """Return a card of HTML; `mark` stands beside its title."""
    attributes = "".join(
        f' data-{name}="{text(Html(html.escape(json.dumps(value))))}"'
        for name, value in (data or {}).items()
    )
    head = f"{text(title)} {mark}".strip()
    return f'<div class="{f"card {kind}".strip()}"{attributes}><h3>{head}</h3>{body}</div>'


def note(words: str) -> str:
    """Return a sentence in small print."""
    return _note(words)


def _note(words: str) -> str:
    return f'<p class="note">{text(words)}</p>' if words else ""


def table(
    head: Sequence[str], rows: Iterable[Sequence[Cell]], name: str = "", kind: str = ""
) -> str:
    """Return a table that scrolls where it is wide, and on a phone has a card for each row.

    `name`: said of it to those who do not see what is above it. Any cell but `Html` is escaped.
    """
    top = "".join(f'<th scope="col">{text(word)}</th>' for word in head)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td data-name="{text(word)}">{text(cell)}</td>'
            for word, cell in zip(head, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    caption = f"<caption>{text(name)}</caption>" if name else ""
    kind = f"cells {kind}".strip()
    return (
        f'<table class="{kind}">{caption}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'
    )


def facts(lines: Iterable[tuple[str, Cell]]) -> str:
    """Return names with values, one below the other."""
    rows = "".join(
        f'<tr><th scope="row">{text(name)}</th><td>{text(value)}</td></tr>'
        if name
        else f"<tr><td></td><td>{text(value)}</td></tr>"
        for name, value in lines
    )
    return f'<table class="facts"><tbody>{rows}</tbody></table>'


def document(title: str, body: str, *, scripted: bool = True) -> str:
    """Return a whole page: it loads nothing, and runs no script but its own, by its hash."""
    here = files(__package__ or "")
    style, script = (here.joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    policy = f"default-src 'none'; img-src data:; style-src '{_hash(style)}'"
    run = ""
    if scripted:
        policy += f"; script-src '{_hash(script)}'"
        run = f"<script>{script}</script>"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>tinybench: {text(title[:200])}</title><style>{style}</style></head>"
        f"<body><main>{body}</main>{run}</body></html>\n"
    )


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


SWITCH = (
    '<p class="switch control"><label><input type="checkbox" id="tables"> '
    "show the table behind each figure</label></p>"
)
"""Of a page with figures: the tables are there for a screen reader all the time."""
