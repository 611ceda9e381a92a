"""One study as a process of its own, `python -m tinybench.runner.cli.study.job`, for a lab.

A worker starts it as it starts a run, and it does what a person's command does: the same options,
checked by the same command, none of them from a file of this computer.
"""

import contextlib
import io
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tinybench.errors import OtherFolderError, UsageError
from tinybench.files import lock_file, write_whole
from tinybench.read import read_toml
from tinybench.track import Track

from ...build.board import load_board
from ...desk.bench import find_bench, load_bench
from ...lab import child
from ...lab.job import insist
from ...results.asked import ASKED_FILE
from ...study.asking.options import words as typed
from ...study.kept import TRIALS_FILE
from ...study.sweep.factors import as_toml
from ..tree import Command, usage
from . import study

FREE_S = 60.0
"""For the process of an earlier attempt, which closes its board and lets the folder go."""
LOOK_S = 0.5


@dataclass(frozen=True)
class Telling:
    """What is said of a study, told to the worker as a run tells it."""

    verbose: bool = False
    quiet: bool = False

    def note(self, text: str) -> None:
        """Tell a sentence."""
        child.note(text)

    @property
    def track(self) -> Track:
        """How long work shows its progress."""
        return child.track


def do(task: child.Task) -> int:
    """Do a study, or a part of one; return its exit status.

    A folder of an earlier attempt is gone on with. It is begun anew only where what it keeps is of
    something else, or damaged: what was measured is not lost by a full disk.
    """
    job, folder = task.order.job, Path(task.folder)
    insist(job)
    command = study.commands[job.study or ""]
    assert isinstance(command, Command)  # noqa: S101 - a lab has no group for a study
    words = [*_words(task), f"--out={folder}"]
    begun = (folder / ASKED_FILE).exists()
    _await_free(folder)
    try:
        return _done(command, words)
    except OtherFolderError as error:
        if not begun:
            raise
        child.note(f"begun anew: {error}")
        shutil.rmtree(folder)
        return _done(command, words)


def _await_free(folder: Path) -> None:
    """Wait until no other process is at work in a folder, or until that takes too long."""
    end_s = time.monotonic() + FREE_S
    with contextlib.suppress(OSError), (folder / TRIALS_FILE).open("rb") as file:
        while time.monotonic() < end_s:
            with contextlib.suppress(BlockingIOError):
                lock_file(file.fileno())
                return
            time.sleep(LOOK_S)


def _words(task: child.Task) -> list[str]:
    """Return what a person would type on this computer for the job."""
    job = task.order.job
    own = {name: value for name, value in job.words.items() if name not in ("task", "emulate")}
    board = task.board if task.emulate else _by_kind(task)
    found = [f"--board={board}", f"--wait={child.WAIT_S:.0f}", *typed(job.study or "", own)]
    if "task" in job.words:
        found.append(f"--task={job.words['task']}")
    if task.sent is not None:
        found.append(f"--{'model' if job.model is not None else 'csv'}={task.sent}")
    if job.want.emulate or (task.emulate and load_board(task.board).attached is not None):
        found.append("--emulate")
    if job.parts > 1:
        found.append(f"--part={job.part}/{job.parts}")
    return found


def _by_kind(task: child.Task) -> str:
    """Return the kind of a board of this desk; this process knows it by no other name.

    A study says on which board it was done, and by which monitor, and on other computers a name of
    this desk is another one, or none. So its monitor is known by the name that is asked for, too. A
    board that is declared here alone keeps its name.
    """
    path = find_bench()
    desk = load_bench(path).boards.get(task.board)
    if path is None or desk is None:
        return task.board
    kind = task.board if desk.board.endswith(".toml") else desk.board
    bench = read_toml(path)
    table = dict(bench["boards"][task.board])
    monitor, own = task.order.job.words.get("monitor"), desk.monitor
    if task.own_monitor and isinstance(monitor, str) and own in bench.get("monitors", {}):
        bench["monitors"] = {**bench["monitors"], monitor: bench["monitors"][own]}
        table["monitor"] = monitor
    if kind == task.board and table == bench["boards"][task.board]:
        return task.board
    bench["boards"] = {kind: {**table, "board": desk.board}}
    file = Path(task.folder).with_name("bench.toml")
    write_whole(file, as_toml(bench).encode())
    os.environ["TINYBENCH_BENCH"] = str(file)
    return kind


def _done(command: Command, words: list[str]) -> int:
    try:
        with command.make_context(command.name, words) as ctx:
            params: dict[str, Any] = dict(ctx.params)
            for name in ("verbose", "quiet", "json"):
                del params[name]
            with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")):
                return command.do(Telling(), **params)
    except click.UsageError as error:
        raise UsageError(usage(error)) from None


if __name__ == "__main__":
    sys.exit(child.main(do))
