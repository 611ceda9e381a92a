"""What host and board said: both ends of each transcript, with a search."""

from collections import deque
from pathlib import Path

import msgspec

from tinybench.errors import RunFolderError
from tinybench.read import read_json
from tinybench.transport.transcript import read_lines
from tinybench.transport.transcript import transcripts as found_in

from .parts import card, note, text

EXCERPT_B = 24_000
"""Bytes of a transcript shown from its beginning, and as many from its end."""


class _Line(msgspec.Struct, frozen=True):
    t_s: float
    to: str
    text: str | None = None
    hex: str | None = None


def transcripts(folder: Path) -> list[str]:
    """Return a card for each transcript of a run folder."""
    cards = []
    for path in found_in(folder):
        try:
            lines, left_out_b = _excerpt(path)
        except RunFolderError:
            cards.append(card("Transcript", note(f"{path.name} cannot be read"), "wide"))
            continue
        shown = "".join(map(_line, lines))
        said = f"{left_out_b:,} bytes in the middle are left out; " if left_out_b else ""
        name = text(path.name)
        body = (
            f'<p class="control"><label>search <input class="filter" type="search"></label> '
            f'<output class="hits"></output></p>'
            f'<div class="lines" tabindex="0" role="region" aria-label="{name}">{shown}</div>'
            + note(f"{said}the whole is {path.name}")
        )
        cards.append(card(f"Transcript: {path.name}", body, "wide"))
    return cards


def _excerpt(path: Path) -> tuple[list[bytes], int]:
    """Return whole lines of the beginning and the end, and how many bytes are between them."""
    first: list[bytes] = []
    last: deque[bytes] = deque()
    first_b = last_b = left_out_b = 0
    for line in read_lines(path):
        if not last and first_b + len(line) <= EXCERPT_B:
            first.append(line)
            first_b += len(line)
            continue
        last.append(line)
        last_b += len(line)
        while last_b > EXCERPT_B:
            left_out_b += len(last[0])
            last_b -= len(last.popleft())
    return [*first, *last], left_out_b


def _line(line: bytes) -> str:
    try:
        entry = read_json(line, type=_Line)
    except msgspec.MsgspecError:
        return f"<div>{text(line[:200].decode('ascii', 'replace'))}</div>"
    words = entry.text if entry.hex is None else f"{len(entry.hex) // 2} bytes {entry.hex[:64]}"
    arrow = {"dut": "→", "host": "←"}.get(entry.to, "·")
    kind = entry.to if entry.to in ("dut", "host") else "port"
    said = (words or "").replace("\r\n", "⏎ ").strip()
    return f'<div class="{kind}">{entry.t_s:10.4f} {arrow} {text(said)}</div>'
