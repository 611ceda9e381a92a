"""What is typed while something runs: the keys of a terminal, or the lines of a pipe."""

import contextlib
import os
import select
import sys
from collections.abc import Iterator

PIECE_B = 1024
NAME_MAX = 100
"""Length of a line that names something; the rest of it is dropped."""
TYPED_MAX = 10_000
"""How much is taken at most: a file in the place of a person ends there."""


class Typed:
    """Reads standard input without waiting for it; made by `typed`."""

    def __init__(self, fd: int | None, *, keys: bool) -> None:
        self._fd = fd
        self.single = keys
        """Each key by itself, not lines."""
        self._rest = ""
        self._left = TYPED_MAX

    def taken(self) -> list[str]:
        """Return what came since the last call: a key each, or a line each."""
        if self._fd is None or not self._left or not select.select([self._fd], [], [], 0)[0]:
            return []
        try:
            data = os.read(self._fd, PIECE_B)
        except OSError:
            data = b""
        text = data.decode(errors="replace")
        if not data:
            self._fd = None
        if self.single:
            found = [key if key.isprintable() and key.strip() else "" for key in text]
        else:
            *lines, rest = (self._rest + text).split("\n")
            found = [line.strip()[:NAME_MAX] for line in lines]
            self._rest = rest[: NAME_MAX + 1]
        found = found[: self._left]
        self._left -= len(found)
        return found


@contextlib.contextmanager
def typed() -> Iterator[Typed]:
    """Listen to standard input; a terminal is left as it was found.

    Nothing is heard where there is none, or where it belongs to another job of the terminal.
    """
    if os.name != "posix":  # elsewhere nothing but a socket can be waited for
        yield Typed(None, keys=False)
        return
    try:
        fd = sys.stdin.fileno()
        terminal = os.isatty(fd)
        behind = terminal and os.tcgetpgrp(fd) != os.getpgrp()
    except (AttributeError, OSError, ValueError):
        yield Typed(None, keys=False)
        return
    if not terminal or behind:
        yield Typed(None if behind else fd, keys=False)
        return
    import termios
    import tty

    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)  # each key at once; Ctrl-C stays what it is
        yield Typed(fd, keys=True)
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
