"""What a worker does with an order: it starts a process of tinybench, and reports what came of it.

The only things that a leader calls here are `do`, `stop` and `forget`, each with plain data.
"""

import contextlib
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tinybench.errors import TinybenchError
from tinybench.files import is_file_name, write_whole
from tinybench.printable import one_line

from .job import JOB_MOST_S
from .order import TOPIC, WORDS_MOST, Order, Report, Told, decoded, encoded, taken
from .policy import Place

CHILD = (sys.executable, "-m", "tinybench.runner.lab.child")
STUDY = (sys.executable, "-m", "tinybench.runner.cli.study.job")
"""A study is a process of the command line, which is above a lab: it is started by its name."""
LINE_MOST_B = 64 << 10
END_S = 30.0
"""A run that is to stop closes its board within this time, or is killed."""
KEPT = 20
"""Run folders that stay on a worker, lest a leader asks for a result twice."""
INTERRUPTED, FAILED = 130, 3


class Bench:
    """The boards of this worker, and the jobs that run on them."""

    def __init__(
        self,
        places: Mapping[str, Place],
        folder: Path,
        child: Sequence[str] = CHILD,
        looking: Callable[[], dict[str, str]] = dict,
        study: Sequence[str] = STUDY,
    ) -> None:
        self.places = dict(places)
        self.absent: dict[str, str] = {}
        """Of the boards that cannot be reached, why, as of the latest look."""
        self.folder = folder
        self._child, self._study = list(child), list(study)
        self._looking = looking
        self._runs: dict[tuple[int, int], subprocess.Popen[bytes]] = {}
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def do(self, order: Order, sent: bytes | None, tell: Callable[[Told], None]) -> Report:
        """Run an order; `tell` hears how far it is. A board has one job at a time.

        `sent`: of the model of the job, or of its rows.
        """
        if order.board not in self.places:
            return Report(status=FAILED, why=f"this worker has no board '{order.board}'")
        with self._lock:
            if order.board in self._busy:
                return Report(status=FAILED, why=f"board {order.board} still has another job")
            self._busy.add(order.board)
        try:
            report = self._run(order, sent, tell)
        except OSError as error:
            return Report(status=FAILED, why=f"the worker cannot run it: {error}"[:WORDS_MOST])
        finally:
            with self._lock:
                self._busy.discard(order.board)
        if report.status != FAILED:
            return report
        # The board may be gone: then it is no fault of the job.
        absent = self.look().get(order.board)
        return msgspec.structs.replace(report, absent=absent and absent[:WORDS_MOST])

    def look(self) -> dict[str, str]:
        """See which boards cannot be reached; return of each why. It opens no port."""
        with contextlib.suppress(TinybenchError):  # the system tells nothing: what was known stays
            self.absent = self._looking()
        return self.absent

    def stop(self, id_: int, attempt: int) -> None:
        """End a job that runs, as by Ctrl-C; nothing where it does not."""
        with self._lock:
            child = self._runs.get((id_, attempt))
        if child is not None:
            _let_go(child)

    def stop_all(self) -> None:
        """End all that runs: nobody waits for it any more."""
        with self._lock:
            children = list(self._runs.values())
        for child in children:
            _let_go(child)

    def _run(self, order: Order, sent: bytes | None, tell: Callable[[Told], None]) -> Report:
        # On another board it begins anew: what is gone on with is a run of this one.
        own = self.folder / order.lab / str(order.id) / order.board
        own.mkdir(parents=True, exist_ok=True)
        run_folder, file = own / "run", None
        if sent is not None:
            file = _file(own / "sent", order)
            write_whole(file, sent)
        place = self.places[order.board]
        task = {
            "order": order,
            "board": place.kind if place.emulated else order.board,
            "folder": str(run_folder),
            "sent": file and str(file),
            "emulate": place.emulated,
            "own_monitor": bool(place.monitors) and not place.emulated,
        }
        start_s = time.monotonic()
        key = (order.id, order.attempt)
        with (own / "stderr.txt").open("wb") as errors:
            child = subprocess.Popen(  # noqa: S603 - our own program
                self._child if order.job.study is None else self._study,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        with self._lock:
            self._runs[key] = child
        watchdog = threading.Timer(JOB_MOST_S, _let_go, [child])
        watchdog.daemon = True
        watchdog.start()
        why = None
        try:
            assert child.stdin is not None  # noqa: S101 - asked for above
            with contextlib.suppress(BrokenPipeError, ValueError):
                child.stdin.write(msgspec.json.encode(task) + b"\n")
                child.stdin.flush()
            why = _listen(child, order, tell)
            status = child.wait(END_S)
        finally:
            watchdog.cancel()
            with self._lock:
                self._runs.pop(key, None)
            _let_go(child, 0.0)
        run_s = time.monotonic() - start_s
        if status not in (0, 1):
            why = why or _last_words(own / "stderr.txt") or f"its process ended with {status}"
            return Report(status=status if status in (2, INTERRUPTED) else FAILED, why=why,
                          run_s=run_s)  # fmt: skip
        files = taken(run_folder, deep=order.job.study is not None)
        self._sweep(order.lab)
        return Report(status=status, run_s=run_s, files=files)

    def _sweep(self, lab: str) -> None:
        """Remove the oldest folders of jobs that do not run."""
        with self._lock:
            running = {str(id_) for id_, _ in self._runs}
        with contextlib.suppress(OSError):
            found = [one for one in (self.folder / lab).iterdir() if one.name not in running]
            found.sort(key=lambda one: one.stat().st_mtime)
            for one in found[:-KEPT]:
                shutil.rmtree(one, ignore_errors=True)


def do(order: bytes, sent: bytes | None) -> bytes:
    """Run an order on the worker that this is; plain data in, plain data out."""
    from distributed import get_worker

    worker = get_worker()
    bench: Bench = worker.extensions[TOPIC]  # type: ignore[assignment]

    def tell(told: Told) -> None:
        with contextlib.suppress(Exception):  # how far it is, is not worth the job
            worker.log_event(TOPIC, msgspec.to_builtins(told))

    try:
        return encoded(bench.do(decoded(order, Order), sent, tell))
    except TinybenchError as error:
        return encoded(Report(status=error.exit_status, why=str(error)[:WORDS_MOST]))


def stop(id_: int, attempt: int, dask_worker: Any = None) -> None:
    """End a job on the worker that this is."""
    dask_worker.extensions[TOPIC].stop(int(id_), int(attempt))


def _listen(
    child: "subprocess.Popen[bytes]", order: Order, tell: Callable[[Told], None]
) -> str | None:
    """Pass on what a job says of itself; return why it failed, if it says so."""
    why = None
    assert child.stdout is not None  # noqa: S101 - asked for where it was started
    while line := child.stdout.readline(LINE_MOST_B):
        try:
            said = msgspec.json.decode(line, type=dict[str, str | int | float | bool | None])
        except msgspec.MsgspecError:
            continue
        if "error" in said:
            why = one_line(str(said["error"]))[:WORDS_MOST]
            continue
        note = one_line(str(said.pop("note", "") or ""))[:200]
        with contextlib.suppress(msgspec.ValidationError):  # what it says wrong is not worth it
            words = {**said, "id": order.id, "attempt": order.attempt, "note": note}
            tell(msgspec.convert(words, Told))
    return why


def _let_go(child: "subprocess.Popen[bytes]", wait_s: float = END_S) -> None:
    """End a process: by the end of its input first, and where that does not do, for good."""
    if child.stdin is not None:
        with contextlib.suppress(OSError, ValueError):
            child.stdin.close()
    if wait_s > 0:
        killer = threading.Timer(wait_s, child.kill)
        killer.daemon = True
        killer.start()
        return
    if child.poll() is None:
        child.kill()
        child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _file(folder: Path, order: Order) -> Path:
    """Return where what was sent lies: a study tells what its file is called."""
    folder.mkdir(exist_ok=True)
    name = order.job.model_name if order.job.model is not None else order.job.csv_name
    fallback = "model.tflite" if order.job.model is not None else "rows.csv"
    plain = name is not None and is_file_name(name) and not name.startswith(("-", "."))
    return folder / (name if name is not None and plain else fallback)


def _last_words(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(1 << 20).decode(errors="replace").strip()
    except OSError:
        return ""
    return one_line(text.splitlines()[-1])[:WORDS_MOST] if text else ""
