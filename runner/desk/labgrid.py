"""A place of a labgrid as a board's lock: acquired before a run, released after it.

By labgrid's own program, with a deadline; where its coordinator is, is said by LG_COORDINATOR, as
for labgrid itself. Ref: labgrid 26, labgrid-client(1), acquire and release.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from tinybench.errors import (
    BenchError,
    TakenError,
    ToolMissingError,
    TransportError,
    UsageError,
)
from tinybench.printable import one_line

from .locks import lock_folder

PROGRAM = "labgrid-client"
SCHEME = "labgrid:"
PATTERN = r"^labgrid:[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z"
"""Of `lock` in a bench file; nothing in a name means anything to labgrid but itself."""
ANSWER_S = 30.0
POLL_S = 2.0
TAKEN = "already acquired"
"""What the program says of a place that somebody has."""


def place_key(lock: str) -> str:
    """Return what two runs of this computer keep apart by, before labgrid is asked."""
    return f"labgrid {lock.removeprefix(SCHEME)}"


@contextlib.contextmanager
def acquired(locks: Iterable[str], wait_s: float, say: Callable[[str], None]) -> Iterator[None]:
    """Hold places, such as "labgrid:rig"; those that another has are waited for `wait_s`.

    The caller holds `place_key` of each. What a tinybench of this computer left that was killed is
    released first. Raises TakenError, ToolMissingError without labgrid, UsageError for a place
    that labgrid has not, TransportError where its coordinator does not answer.
    """
    places = sorted({one.removeprefix(SCHEME) for one in locks})
    deadline_s = time.monotonic() + wait_s
    with ExitStack() as stack:
        for place in places:
            _acquire(place, deadline_s, wait_s, say)
            stack.callback(_release, place, say)
        yield


def _acquire(place: str, deadline_s: float, wait_s: float, say: Callable[[str], None]) -> None:
    left = _left_behind(place)
    if left.exists():  # and its run has ended, for the lock of this computer is ours
        _release(place, say)
    told = False
    while True:
        with contextlib.suppress(OSError):
            left.parent.mkdir(parents=True, exist_ok=True)
            left.touch()
        status, words = _asked(place, "acquire")
        if status == 0:
            return
        with contextlib.suppress(OSError):
            left.unlink()
        if TAKEN not in words:
            kind = UsageError if "matches nothing" in words else TransportError
            raise kind(f"labgrid's place {place} cannot be had: {words}")
        if wait_s <= 0:
            raise TakenError(
                f"labgrid's place {place} is taken: {words} Wait for it with --wait 10m"
            )
        if not told:
            say(f"waiting up to {wait_s:.0f} s for labgrid's place {place}: {words}")
            told = True
        if time.monotonic() >= deadline_s:
            raise TakenError(
                f"labgrid's place {place} did not become free within {wait_s:.0f} s: {words}"
            )
        time.sleep(min(POLL_S, max(0.0, deadline_s - time.monotonic())))


def _release(place: str, say: Callable[[str], None]) -> None:
    """Let go of a place; what goes wrong hides nothing else."""
    try:
        status, words = _asked(place, "release")
    except BenchError as error:
        status, words = 1, str(error)
    if status == 0 or "is not acquired" in words:
        with contextlib.suppress(OSError):
            _left_behind(place).unlink()
    else:
        say(f"labgrid's place {place} was not released, and is the next time: {words}")


def _left_behind(place: str) -> Path:
    """Return the file that says that a tinybench of this computer has a place."""
    return lock_folder() / f"labgrid-{place}.acquired"


def _asked(place: str, what: str) -> tuple[int, str]:
    """Let the program do something with a place; return its status and its last words."""
    program = shutil.which(PROGRAM) or shutil.which(PROGRAM, path=str(Path(sys.executable).parent))
    if program is None:
        raise ToolMissingError(
            f"the board's lock is labgrid's place {place}, and {PROGRAM} is not there: install it "
            "by itself, such as `pipx install labgrid`; it brings a serial library in place of ours"
        )
    try:
        done = subprocess.run(  # noqa: S603 - an argument list, its words held against PATTERN
            [program, "-p", place, what],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_S,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    except subprocess.TimeoutExpired:
        raise TransportError(
            f"labgrid's coordinator does not answer within {ANSWER_S:.0f} s; LG_COORDINATOR says "
            "where it is"
        ) from None
    except OSError as error:
        raise ToolMissingError(f"{program} cannot be started: {error.strerror or error}") from error
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return done.returncode, one_line(lines[-1] if lines else "it says nothing")[:500]
