"""The command line: reads arguments, prints, and exits with a status that means something.

Exit status: 0 valid, 1 a broken rule, 2 usage or configuration, 3 the bench failed, 130
interrupted.
"""

import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

import click

from tinybench.errors import TinybenchError

from .completion import VARIABLE, answer
from .output import note, told
from .root import root
from .streams import lasting
from .tree import usage

INTERRUPTED = 130
FAILED = 3
COLLECTED_AFTER = 50_000
"""Objects made between two looks for circles of them: most commands end before the first, and a
look at 700 takes a tenth of their time."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit status; prints errors without a traceback."""
    if VARIABLE in os.environ:
        return answer(root, os.environ[VARIABLE])
    gc.set_threshold(COLLECTED_AFTER)
    with lasting() as out, _signals():
        status = _status(sys.argv[1:] if argv is None else list(argv))
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        if out is not None and out.failed is not None:
            note(
                f"tinybench: cannot write to standard output: {out.failed.strerror}; what a run "
                "measured is in its folder all the same"
            )
            status = max(status, FAILED)
    return status


def _status(words: list[str]) -> int:
    """Do what the words say; return the status, whatever happens."""
    meta: dict[str, object] = {}
    try:
        ctx = root.make_context("tinybench", words)
        meta = ctx.meta
        with ctx:
            return int(root.invoke(ctx))
    except click.exceptions.Exit as done:
        return done.exit_code
    except (click.UsageError, TinybenchError) as error:
        note(f"tinybench: {usage(error) if isinstance(error, click.UsageError) else error}")
        return 2 if isinstance(error, click.UsageError) else error.exit_status
    except KeyboardInterrupt:
        note("tinybench: interrupted")
        return INTERRUPTED
    except Exception as error:
        note(f"tinybench: {told(error, verbose=bool(meta.get('verbose')))}")
        return FAILED


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """Treat an end from outside as Ctrl-C: it too leaves a readable run and no child process."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                before[number] = signal.signal(number, _ended)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ended(number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # once: a second one would disturb the leaving
    raise KeyboardInterrupt
