"""One job as a process of its own, `python -m tinybench.runner.lab.child`, started by a worker.

It reads an order as a line of JSON, and goes on while its standard input is open: a worker that is
killed lets go of it, and the run stops as by Ctrl-C, its board is closed and its lock is free. It
writes a line of JSON for each thing that happens, and exits as `tinybench run` does. A study is
done by `tinybench.runner.cli.study.job`, in the same way.
"""

import os
import shutil
import signal
import statistics
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tinybench.errors import AbsentError, RunFolderError, TinybenchError, ToolMissingError

from ..measure.energy_mode import Watch
from ..results.journal import JOURNAL_FILE
from ..results.result import RESULT_FILE, Answer, Window
from ..results.scenario import Query
from ..session import run as session
from .job import request
from .order import Order

T = TypeVar("T")
TELL_S = 0.5
"""Between two words on how far it is."""
WAIT_S = 600.0
"""For a board that somebody uses by hand."""
INTERRUPTED, FAILED = 130, 3
_TELLING = threading.Lock()


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker writes to it."""

    order: Order
    board: str
    """As a run names it."""
    folder: str
    """Of the run; what an attempt left there is gone on with."""
    sent: str | None = None
    """File of the job's model, or of its rows."""
    emulate: bool = False
    """Whether the place is the emulator of a board that may be a real one."""
    own_monitor: bool = False
    """Whether the bench file says what measures the board: that it is."""


def main(do: Callable[[Task], int]) -> int:
    """Do the job; return its exit status."""
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)
    threading.Thread(target=_watch, daemon=True).start()
    return ended(do, task)


def ended(do: Callable[[Task], int], task: Task) -> int:
    """Do the job, tell why it failed where it did, and return its exit status."""
    try:
        return do(task)
    except (RunFolderError, AbsentError, ToolMissingError) as error:
        # Of this computer, and not of the job: another one may have what it takes.
        tell(error=str(error))
        return FAILED
    except TinybenchError as error:
        tell(error=str(error))
        return error.exit_status
    except KeyboardInterrupt:
        tell(error="interrupted")
        return INTERRUPTED
    except Exception as error:
        traceback.print_exc()
        tell(error=f"a fault of tinybench: {type(error).__name__}: {error}")
        return FAILED


def _watch() -> None:
    """Stop when nobody holds the other end of the standard input."""
    while os.read(0, 4096):  # not by sys.stdin, which Python could not close while it waits
        pass
    os.kill(os.getpid(), signal.SIGINT)


def run(task: Task) -> int:
    """Do a run; return its exit status."""
    from ..rules.judge import judge

    order, folder = task.order, Path(task.folder)
    more: dict[str, Any] = {"out": folder, "wait": WAIT_S}
    if task.sent is not None:
        more["model"] = Path(task.sent)
    if task.emulate:
        more["emulate"] = True
    if task.own_monitor and order.job.want.energy:
        more["monitor"] = None
    asked = request(order.job, task.board, **more)
    if (folder / RESULT_FILE).is_file():
        outcome = judge(folder)
        if outcome.result.complete:
            return 1 if outcome.violations else 0
    outcome = None
    if (folder / JOURNAL_FILE).is_file():
        try:
            outcome = session.resume(folder, track, note, _power_watch())
        except RunFolderError as error:
            note(f"begun anew: {error}")
            shutil.rmtree(folder)
    if outcome is None:
        outcome = session.run(asked, track, note, watch=_power_watch())
    return 1 if outcome.violations else 0


def note(text: str) -> None:
    """Tell what it does."""
    tell(note=text)


def track(items: Iterable[T], label: str, total: int) -> Iterator[T]:
    """Tell how far it is, now and then."""
    told_s = -TELL_S
    for number, item in enumerate(items):
        if time.monotonic() - told_s >= TELL_S:
            told_s = time.monotonic()
            tell(note=label, done=number, total=total, latency_s=latency_s(item))
        yield item


def latency_s(item: object) -> float | None:
    """Return the time of one inference, where what was just measured has one."""
    if isinstance(item, Window):
        return item.elapsed_us * 1e-6 / item.iterations
    device_us = item.elapsed_us if isinstance(item, Answer) else ()
    device_us = item.device_us if isinstance(item, Query) else device_us
    return statistics.fmean(device_us) * 1e-6 if device_us else None


def _power_watch() -> Watch:
    """Return what tells now and then what the board draws; the thread of the monitor calls it."""
    told_s = -TELL_S

    def watch(power_w: float, modelled: bool) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= TELL_S:
            told_s = time.monotonic()
            tell(note="energy", power_w=power_w, modelled=modelled)

    return watch


def tell(**words: object) -> None:
    """Write what happens as a line, whatever the standard output is by now."""
    line = msgspec.json.encode(words) + b"\n"
    with _TELLING:
        assert sys.__stdout__ is not None  # noqa: S101 - a worker reads it
        sys.__stdout__.buffer.write(line)
        sys.__stdout__.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(run))
