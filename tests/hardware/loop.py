"""Hardware in the loop: a board of the bench file is measured, and its record replayed later.

A record is a folder with what a run leaves: journal.jsonl (what was asked), transcript.jsonl (every
byte) and result.json.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tinybench.errors import UsageError
from tinybench.runner.desk import line
from tinybench.runner.desk.attached import look
from tinybench.runner.desk.bench import load_bench
from tinybench.runner.desk.choose import choose
from tinybench.runner.results.journal import JOURNAL_FILE, read
from tinybench.runner.results.names import TRANSCRIPT_FILE
from tinybench.runner.results.request import Request
from tinybench.runner.results.result import RESULT_FILE, Result, read_result
from tinybench.runner.session.run import run
from tinybench.track import silent
from tinybench.transport.replay import ReplayTransport

RECORDED = Path(os.environ.get("TINYBENCH_RECORDED") or Path(__file__).parent / "recorded")
INPUTS = 10
OF_ITS_TIME = ("started_at", "finished_at", "tools", "files_sha256", "provenance", "steps")
"""What differs between a run and its replay."""


def boards(bench: Path | None, recorded: Path = RECORDED) -> list[str]:
    """Return the names of the boards of a bench file, and of those that have a record."""
    records = [path.parent.name for path in recorded.glob(f"*/{TRANSCRIPT_FILE}")]
    return sorted({*load_bench(bench).boards, *records})


def port_of(name: str, bench: Path | None) -> str | None:
    """Return the port of a board of the bench file; None where it is not attached or not named."""
    known = load_bench(bench)
    if name not in known.boards:
        return None
    try:
        asked = Request(board=name, task="auto")
        return choose(asked, known, lambda _: None, look)[0].ports[0]
    except UsageError:
        return None


def measure(port: str, folder: Path, **more: object) -> Result:
    """Run the task of the model that a board holds, with the firmware that it holds."""
    asked = Request(board="serial", task="auto", ports=(port,), limit=INPUTS, out=folder)
    return _run(replace(asked, **more))


def record(folder: Path, record: Path) -> None:
    """Keep what a run left, for replays."""
    record.mkdir(parents=True)
    for name in (JOURNAL_FILE, TRANSCRIPT_FILE, RESULT_FILE):
        shutil.copyfile(folder / name, record / name)


def replay(record: Path, folder: Path) -> Result:
    """Do the run of a record again, on its transcript in place of the board."""
    head, _ = read(record)
    with _replaying(record / TRANSCRIPT_FILE):
        return _run(replace(head.asked, out=folder))


def compared(result: Result) -> dict[str, object]:
    """Return what a run and its replay have in common."""
    fields = msgspec.to_builtins(result)
    return {name: value for name, value in fields.items() if name not in OF_ITS_TIME}


def recorded_result(record: Path) -> Result:
    """Return the result of a record."""
    return read_result(record)


def _run(request: Request) -> Result:
    return run(request, silent, lambda _: None).result


@contextmanager
def _replaying(transcript: Path) -> Iterator[None]:
    """Open a transcript wherever a serial port is opened, and look for none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line, "insist_there", lambda _port: None)
        patch.setattr(line, "SerialTransport", lambda *_: ReplayTransport(transcript))
        yield
