"""Run a program of others for what it says, whatever bytes those are."""

import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Said(NamedTuple):
    """What a program said; bytes that are no UTF-8 are spelt out, such as "\\\\xff"."""

    status: int
    out: str
    err: str


def ask(
    argv: Sequence[str],
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    *,
    inherits: bool = False,
) -> Said:
    """Run a program to its end, without input; `env` is its whole environment.

    `inherits`: it holds the locks that this process has, should it outlive it.

    Raises OSError when it cannot be run, subprocess.TimeoutExpired.
    """
    done = subprocess.run(  # noqa: S603 - argument lists of our own
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout_s,
        check=False,
        env=env,
        close_fds=not inherits,
    )
    return Said(done.returncode, _text(done.stdout), _text(done.stderr))


def first_line(words: str) -> str:
    """Return the first line that says something; "unknown" where none does."""
    return next((line.strip() for line in words.splitlines() if line.strip()), "unknown")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
