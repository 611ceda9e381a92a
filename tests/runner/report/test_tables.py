"""Tables: as wide as they need where no terminal is, folded between words where one is."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from tinybench.runner.cli.output import show_table, table_text
from tinybench.runner.report.terminal.tables import ENDLESS, as_lines, least_width, parts, shared
from tinybench.uncertain import bounded, uncertain

WORDS = ("tst_000004_Down_0.bin", "DEPTHWISE_CONV_2D", "a sentence of a few words " * 8)


def table(*, folded: bool = True) -> Table:
    """Return a table as the reports have."""
    made = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("input", "operator", "what is said of it"):
        made.add_column(name, overflow="fold" if folded else "ellipsis")
    made.add_row(*WORDS)
    return made


def shown(width: int, *, folded: bool = True) -> str:
    """Return the table in a terminal of so many columns."""
    console = Console(file=StringIO(), width=width)
    for part in parts(Group(table(folded=folded), Text(WORDS[2]))):
        console.width = max(width, least_width(part, console, width))
        console.print(part)
    file = console.file
    assert isinstance(file, StringIO)
    return file.getvalue()


def test_a_pipe_gets_a_table_as_wide_as_it_is() -> None:
    """No line is folded and none has blanks behind it."""
    lines = table_text(table()).splitlines()
    assert len(lines) == 2
    assert lines[1].split("  ", 2)[:2] == [WORDS[0], WORDS[1]]
    assert lines[1].endswith(WORDS[2].strip())


CELLS = st.text(st.sampled_from("ab 1,.[]:\u00b5\u8868\u00e9"), max_size=6)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=4))
def test_a_plain_table_is_written_as_rich_writes_it(rows: list[tuple[str, str, str]]) -> None:
    """To the left and to the right, with cells of none, of wide signs, and of blanks."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name, justify in zip(rows[0], ("left", "right", "right"), strict=True):
        made.add_column(name, justify=justify, no_wrap=True)  # pyright: ignore[reportArgumentType]
    for row in rows[1:]:
        made.add_row(*row)
    out = StringIO()
    Console(file=out, width=ENDLESS, highlight=False, markup=False, emoji=False).print(made)
    lines = "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())
    assert as_lines(made) == lines


@pytest.mark.parametrize("width", [20, 60, 80, 200])
@pytest.mark.parametrize("folded", [True, False])
def test_a_terminal_gets_no_word_cut(width: int, folded: bool) -> None:
    """Whatever its width: identifiers whole, and the columns no more than that where they fit."""
    text = shown(width, folded=folded)
    assert "…" not in text
    for word in f"{WORDS[0]} {WORDS[1]} {WORDS[2]}".split():
        assert word in text.split()
    widest = max(len(line.rstrip()) for line in text.splitlines())
    assert widest <= max(width, len("tst_000004_Down_0.bin  DEPTHWISE_CONV_2D  sentence  "))


class Terminal(StringIO):
    """What is printed to a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", ["20", "60", "80", "200"])
@pytest.mark.parametrize("kind", ["dumb", "xterm-256color"])
def test_a_terminal_of_any_kind_gets_words_whole(
    kind: str, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dumb one is as wide as it says, too."""
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "stdout", printed := Terminal())
    made = table(folded=False)
    made.add_row("d" * 90, "", "")
    show_table(Group(made, Text(WORDS[2])))
    text = re.sub(r"\x1b\[[0-9;]*m", "", printed.getvalue())
    assert "…" not in text
    assert "d" * 90 in text
    assert columns != "200" or max(len(line.rstrip()) for line in text.splitlines()) > 150


@given(
    st.integers(1, 300), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 200)), max_size=8)
)
def test_columns_share_the_width(width: int, sizes: list[tuple[int, int]]) -> None:
    """From the longest word to the longest line; all in the width where the words are."""
    least = [low for low, _ in sizes]
    most = [low + more for low, more in sizes]
    found = shared(width, least, most)
    assert all(low <= got <= high for low, got, high in zip(least, found, most, strict=True))
    assert sum(found) <= max(width, sum(least))
    if sum(most) <= width:
        assert found == most


@pytest.mark.parametrize(
    ("environment", "colours", "redrawn"),
    [
        ({"TERM": "xterm-256color"}, True, True),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, False, True),
        ({"TERM": "dumb"}, False, False),
    ],
    ids=str,
)
def test_a_terminal_is_asked_what_it_can(
    environment: dict[str, str], colours: bool, redrawn: bool, tmp_path: Path
) -> None:
    """NO_COLOR takes no colours; a dumb terminal neither those nor bars that go back in a line."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 70, 0, 0))
    words = ["--board", "host", "--task", "kws", "--mode", "accuracy", "--limit", "3"]
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    with subprocess.Popen(
        [sys.executable, "-m", "tinybench.runner", *words, "--out", str(tmp_path / "run")],
        stdout=side, stderr=side, env={**kept, **environment},
    ) as child:  # fmt: skip
        os.close(side)
        text = b""
        while piece := _read(main):
            text += piece
    os.close(main)
    assert child.returncode == 1
    assert (re.search(rb"\x1b\[[0-9;]*3[0-7][;m]", text) is not None) == colours
    assert (b"\x1b[?25l" in text) == redrawn
    assert (b"\x1b" in text) == redrawn
    assert b"accuracy-count" in text


def _read(main: int) -> bytes:
    try:
        return os.read(main, 4096)
    except OSError:  # the other side is closed
        return b""


@pytest.mark.parametrize(
    ("value", "uncertainty", "shown"),
    [
        (6.0213, 0.0417, "6.021 ± 0.042"),
        (1.5, 0.0996, "1.50 ± 0.10"),
        (1507.4, 97.0, "1507 ± 97"),
        (15074.0, 970.0, "15070 ± 970"),
        (1.0, 0.0, "1 ± 0"),
    ],
)
def test_a_figure_has_the_digits_that_its_uncertainty_leaves(
    value: float, uncertainty: float, shown: str
) -> None:
    """Two of the uncertainty, and the value as far."""
    assert uncertain(value, uncertainty) == shown


def test_an_estimate_has_the_digits_that_its_bounds_leave() -> None:
    """Two of half their distance; one without a width keeps all."""
    assert bounded(156.68, 166.112, 178.12) == ("157", "166", "178")
    assert bounded(8.0456, 8.599, 9.4385) == ("8.05", "8.60", "9.44")
    assert bounded(44.6, 44.6, 44.6) == ("44.6", "44.6", "44.6")
