"""What the commands print, and the one way of each to print it."""

import io
import re
import shutil
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybench.errors import UsageError
from tinybench.files import DOCUMENT_MOST_B, read_bytes, write_whole
from tinybench.plural import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tinybench.track import Track

PROGRAM = Path(__file__).parents[2]
ENDLESS = 100_000
"""Columns of a table that goes to no terminal."""


@dataclass(frozen=True)
class Voice:
    """What is said on standard error beside the result: much, a little, or errors alone."""

    verbose: bool = False
    quiet: bool = False
    start_s: float = field(default_factory=time.monotonic)

    def note(self, text: str) -> None:
        """Say a sentence; with --verbose also when."""
        if self.verbose:
            note(f"{time.monotonic() - self.start_s:8.3f} s  {text}")
        elif not self.quiet:
            note(text)

    @property
    def track(self) -> "Track":
        """How long work shows its progress."""
        from tinybench.track import silent

        from ..report.terminal.progress import track_for

        return silent if self.quiet else track_for(sys.stderr)


def note(text: str) -> None:
    """Print a line to standard error; below it what it quotes, lines that begin with four blanks.

    What a board, a file or its name says may not steer the terminal, nor forge a line of ours.
    """
    from tinybench.printable import one_line

    lines = re.split(r"\n(?= {4})", text)
    print("\n".join(map(one_line, lines)), file=sys.stderr)


def told(error: Exception, *, verbose: bool) -> str:
    """Return what is said of an error that nobody expected: its kind, its words, its place."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(PROGRAM)] or frames
    place = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "an unknown place"
    words = " ".join(str(error).split())[:300]
    kind = type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        said = f"the system refused: {words} ({kind} at {place})"
    else:
        said = f"a fault of tinybench itself: {kind}: {words} at {place}; please report it"
    if not verbose:
        return f"{said}; -v shows where it comes from"
    frames_said = "".join(traceback.format_exception(error)).rstrip()
    return f"{said}\n{textwrap.indent(frames_said, '    ')}"


def put(voice: Voice, to: str, out: Path | None, forms: Mapping[str, Callable[[], Any]]) -> None:
    """Print in the format `to`, or write it into a file.

    The function of a format returns what is shown: a text, bytes, what rich renders for
    `terminal`, a structure for `json`. Raises UsageError for a file that cannot be written.
    """
    shown = forms[to]()
    to_stdout = out is None or str(out) == "-"
    if to == "terminal":
        if to_stdout and sys.stdout.isatty() and not isinstance(shown, str):
            show_table(shown)
            return
        shown = shown if isinstance(shown, str) else table_text(shown)
        if to_stdout:  # for a person: in the encoding of the terminal, or what looks like it
            sys.stdout.write(shown)
            return
    elif to == "json" and not isinstance(shown, str | bytes):
        shown = _json(shown)
    data = shown.encode() if isinstance(shown, str) else shown
    if to_stdout:  # for a program: the same bytes as in a file
        put_bytes(data)
    elif out is not None:
        write(out, data)
        voice.note(f"written to {out}")


def put_pictures(
    voice: Voice,
    to: str,
    out: Path | None,
    card: Callable[[], str | bytes] | None,
    every: Callable[[], Mapping[str, bytes]],
) -> None:
    """Write pictures into the folder `out`; into a file of their format, or nowhere: the card.

    Raises UsageError for a terminal, which shows no PNG, and where there is no card.
    """
    if out is not None and str(out) != "-" and out.suffix != f".{to}":
        found = every()
        for name, data in found.items():
            write(out / name, data)
        voice.note(f"in {out}: {counted(len(found), 'picture')}")
        return
    if card is None:
        raise UsageError(f"--to {to} draws several pictures: name a folder for them with -o DIR")
    if to == "png" and out is None and sys.stdout.isatty():
        raise UsageError("--to png is a picture, and no text for a terminal: name a file with -o")
    put(voice, to, out, {to: card})


def document(path: Path) -> bytes:
    """Return a file the user named. Raises UsageError when it cannot be read, or is too long."""
    try:
        return read_bytes(path, DOCUMENT_MOST_B)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error


def put_bytes(data: bytes) -> None:
    """Print bytes as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def write(path: Path, data: bytes) -> None:
    """Write a file the user named, whole or not at all. Raises UsageError when it cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():  # a device, a pipe
            path.write_bytes(data)
            return
        write_whole(path, data)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror or error}; name another file with -o"
        ) from error


def show_table(table: "RenderableType") -> None:
    """Print a table to the terminal: as wide as that is, and wider only for a longer word."""
    from rich.console import Console, ConsoleDimensions

    from ..report.terminal.tables import least_width, parts

    columns, lines = shutil.get_terminal_size()
    console = Console(highlight=False, markup=False, emoji=False)
    for part in parts(table):
        # Both: a width alone is not heeded where TERM is dumb.
        console.size = ConsoleDimensions(max(columns, least_width(part, console, columns)), lines)
        console.print(part)


def table_text(table: "RenderableType") -> str:
    """Return a table as text that is as wide as it needs, for a pipe or a file."""
    from rich.console import Console

    from ..report.terminal.tables import as_lines, parts

    console = Console(
        file=io.StringIO(),
        highlight=False,
        markup=False,  # a name in brackets is a name
        emoji=False,
        width=ENDLESS,
        color_system=None,
    )
    text = list[str]()
    for part in parts(table):
        lines = as_lines(part)
        if lines is None:
            with console.capture() as capture:
                console.print(part)
            lines = "".join(line.rstrip() + "\n" for line in capture.get().splitlines())
        text.append(lines)
    return "".join(text)


def _json(document: object) -> bytes:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
