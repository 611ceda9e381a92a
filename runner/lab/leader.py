"""The leader: it knows the queue and the boards, begins jobs, and keeps what comes of them."""

import asyncio
import contextlib
import math
import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tinybench.errors import BenchError
from tinybench.files import is_file_name, write_whole

from . import store, work
from .estimate import estimate_s
from .order import FILES_MOST_B, TOPIC, Order, Report, Told, Worker, decoded, encoded
from .policy import Place, Waiting, fair_start_s, place, starts, with_deadline
from .store import Row

if TYPE_CHECKING:
    from distributed import Client, Future, Scheduler

WINDOW = 2000
"""Jobs that wait and are looked at; what is behind them waits on disk."""
FAILURES_MOST = 3
"""A job whose bench fails is run again, until it has failed so often."""
ATTEMPTS_MOST = 20
"""Also one whose workers are lost."""
LOOK_S = 0.2
"""Between two looks at which workers there are."""
RETRY_S = 5.0
"""Between two tries to write where the disk is full."""
CLOCK_APART_S = 60.0
LOST = ("FutureCancelledError", "KilledWorker", "CommClosedError")
"""What dask says where a worker is gone, and not that the job failed."""


@dataclass(frozen=True)
class Run:
    """A job that runs."""

    row: Row
    place: Place
    attempt: int
    address: str
    since_s: float
    """By the clock of the leader that knows no date."""
    estimate_s: float
    told: Told | None = None


@dataclass
class Seen:
    """A worker, as the leader knows it."""

    worker: Worker
    apart_s: float
    """How far its clock is from the leader's."""
    refused: str = ""
    """Why it gets no job."""


@dataclass
class Counted:
    """What metrics count since the leader was started."""

    begun: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    late_results: int = 0
    wait_s: float = 0.0
    busy_s: dict[str, float] = field(default_factory=dict)


class Leader:
    """The state of a lab. All of it is touched by one thread, that of the event loop."""

    def __init__(
        self,
        db: sqlite3.Connection,
        folder: Path,
        lab: str,
        say: Callable[..., None],
        estimate: Callable[[sqlite3.Connection, Any, Place], float] = estimate_s,
    ) -> None:
        self.db = db
        self.folder = folder
        """Of what it keeps: runs/ below it."""
        self.lab = lab
        self.say = say
        self.workers: dict[str, Seen] = {}
        self.places: dict[str, Place] = {}
        self.running: dict[str, Run] = {}
        self.queues: dict[str, list[Waiting]] = {}
        self.rows: dict[int, Row] = {}
        """Of the window."""
        self.unplaced: set[int] = set()
        """Of these, those that no board here fits."""
        self.counted = Counted()
        self.trouble = ""
        """What keeps it from beginning jobs, such as a full disk."""
        self.changes = 0
        self.began_s = time.monotonic()
        self._estimate = estimate
        self._known_s: dict[tuple[str, str], float] = {}
        self._futures: dict[int, Future] = {}
        self._following: set[asyncio.Task[None]] = set()
        self._avoid: dict[int, str] = {}
        self._wake = asyncio.Event()
        self._unwritten: set[int] = set()
        """Jobs whose results wait for a disk with room."""
        self._again_s = 0.0

    # What people ask for.

    def changed(self) -> None:
        """Look at the queue anew, soon."""
        self._wake.set()

    async def cancel(self, job: int) -> str | None:
        """Cancel a job; return the state it was in, None where there is none."""
        was = store.cancel(self.db, job)
        self._forget(job)
        run = next((run for run in self.running.values() if run.row.id == job), None)
        if was == store.RUNNING and run is not None:
            self.say("cancelled", job=job, place=run.place.name)
            await self._stop(run)
        self.changed()
        return was

    def prioritise(self, job: int, priority: int) -> bool:
        """Change the priority of a job that waits."""
        done = store.set_priority(self.db, job, priority)
        self._forget(job)
        self.changed()
        return done

    # The loop.

    async def serve(self, scheduler: "Scheduler", client: "Client") -> None:
        """Begin jobs and keep results, until it is cancelled."""
        self._client = client
        self._sweep()
        back = store.recover(self.db)
        if back:
            self.say("recovered", jobs=back)
        client.subscribe_topic(TOPIC, self._hear)
        try:
            while True:
                self._step(scheduler)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):  # wait_for may swallow a cancellation
                        await self._wake.wait()
                self._wake.clear()
        finally:
            for task in self._following:
                task.cancel()

    def _step(self, scheduler: "Scheduler") -> None:
        try:
            self._look(scheduler)
            if not self.trouble or time.monotonic() >= self._again_s:
                self._refill()
                self._begin()
                if self.trouble and not self._unwritten:
                    self.trouble = ""
        except sqlite3.Error as error:
            self._troubled(error)
        except Exception as error:  # one job that cannot be begun stops no other
            self.say("fault", why=f"{error!r:.500}")
        self.changes += 1

    def _look(self, scheduler: "Scheduler") -> None:
        """See which workers came and which are gone."""
        for address in [one for one in self.workers if one not in scheduler.workers]:
            self._gone(address)
        for address, state in scheduler.workers.items():
            if address not in self.workers and TOPIC in state.extra:
                self._came(address, state.extra[TOPIC])

    def _came(self, address: str, said: Any) -> None:
        try:
            worker = msgspec.convert(said, Worker)
        except msgspec.ValidationError as error:
            self.say("refused", address=address, why=str(error))
            return
        seen = Seen(worker, worker.clock_s - time.time())
        self.workers[address] = seen
        if worker.version != version("tinybench-mcu"):
            seen.refused = (
                f"it is tinybench {worker.version}, and this lab is {version('tinybench-mcu')}: "
                "install the same one there"
            )
        names = {one.worker.name for at, one in self.workers.items() if at != address}
        if worker.name in names:
            seen.refused = f"another worker is called {worker.name}: start it with another --name"
        self.say(
            "worker", name=worker.name, places=[one.name for one in worker.places],
            refused=seen.refused or None,
            clock_apart_s=round(seen.apart_s) if abs(seen.apart_s) > CLOCK_APART_S else None,
        )  # fmt: skip
        if seen.refused:
            return
        for one in worker.places:
            if one.name.startswith(f"{worker.name}/"):
                self.places[one.name] = one
                self.queues.setdefault(one.name, [])
        self.unplaced.clear()
        self._place_anew()

    def _gone(self, address: str) -> None:
        seen = self.workers.pop(address)
        if seen.refused:
            return
        for other in [at for at, one in self.workers.items() if one.refused]:
            del self.workers[other]  # it may have the name of the one that is gone: look again
        self.say("worker gone", name=seen.worker.name)
        for one in seen.worker.places:
            self.places.pop(one.name, None)
            for job in self.queues.pop(one.name, []):
                self.rows.pop(job.job, None)
            run = self.running.pop(one.name, None)
            if run is not None:
                self._lost(run)

    def _lost(self, run: Run) -> None:
        """Let a job run elsewhere whose worker is gone."""
        self.counted.lost += 1
        future = self._futures.pop(run.row.id, None)
        if future is not None:
            task = asyncio.ensure_future(future.cancel(force=True))
            self._following.add(task)
            task.add_done_callback(self._following.discard)
        why = f"worker of {run.place.name} was lost"
        if run.attempt >= ATTEMPTS_MOST:
            self._finish(run, Report(status=3, why=f"{why}, the {run.attempt}th one"))
        else:
            store.give_back(self.db, run.row.id, run.attempt, why, failed=False)
        self.say("lost", job=run.row.id, place=run.place.name)

    def _place_anew(self) -> None:
        """Let every job that waits find its board again: there are others."""
        for queue in self.queues.values():
            queue.clear()
        rows, self.rows = self.rows, {}
        for row in rows.values():
            self._place(row)

    # Tier 1.

    def _refill(self) -> None:
        if len(self.rows) >= WINDOW:
            return
        running = {run.row.id for run in self.running.values()}
        for job in store.waiting(self.db, WINDOW):
            if job in self.rows or job in running:
                continue
            row = store.row(self.db, job)
            if row is not None:
                self._place(row)

    def _place(self, row: Row) -> None:
        self.rows[row.id] = row
        want = row.job.want
        queued_s = {name: self._queued_s(name) for name in self.places}
        places = list(self.places.values())
        avoided = self._avoid.get(row.id)
        board = place(want, [one for one in places if one.name != avoided], queued_s)
        board = board or place(want, places, queued_s)
        if board is None:
            self.unplaced.add(row.id)
            return
        self.unplaced.discard(row.id)
        thought_s = self.thought_s(row, board)
        start_by_s = row.start_by
        if start_by_s is None:
            start_by_s = fair_start_s(row.at, queued_s[board.name], thought_s)
        job = Waiting(row.id, thought_s, row.at, start_by_s, row.job.priority, row.job.quiet, want)
        if row.job.deadline_s is not None and row.start_by is None:
            free_s = time.time() + self._left_s(board.name)
            queue = self.queues[board.name]
            kept = with_deadline(job, row.at + row.job.deadline_s, queue, free_s)
            if kept is None:
                self.say("deadline cannot be promised", job=row.id, place=board.name)
            job = kept or job
        if row.start_by is None:
            store.promise(self.db, row.id, job.start_by_s)
            self.rows[row.id] = msgspec.structs.replace(row, start_by=job.start_by_s)
        self.queues[board.name].append(job)

    def thought_s(self, row: Row, board: Place) -> float:
        """Return how long a job is thought to take on a board."""
        key = (row.job.kind, board.kind)
        if key not in self._known_s:
            self._known_s[key] = self._estimate(self.db, row.job, board)
        return self._known_s[key]

    def _queued_s(self, name: str) -> float:
        return self._left_s(name) + sum(one.estimate_s for one in self.queues.get(name, ()))

    def _left_s(self, name: str) -> float:
        run = self.running.get(name)
        if run is None:
            return 0.0
        return max(0.0, run.estimate_s - (time.monotonic() - run.since_s))

    # Tier 2.

    def _begin(self) -> None:
        busy = {name: run.row.job.quiet for name, run in self.running.items()}
        addresses = {
            one.name: address
            for address, seen in self.workers.items()
            if not seen.refused
            for one in seen.worker.places
        }
        for board, job in starts(list(self.places.values()), self.queues, busy, time.time()):
            row = self.rows.get(job.job)
            self._forget(job.job)
            if row is None:
                continue
            thought_s = self.thought_s(row, board)
            attempt = store.claim(self.db, row.id, board.name, board.kind, thought_s)
            if attempt is None:  # somebody cancelled it
                continue
            run = Run(row, board, attempt, addresses[board.name], time.monotonic(), thought_s)
            self.running[board.name] = run
            self.counted.begun += 1
            self.counted.wait_s += max(0.0, time.time() - row.at)
            self.say("begun", job=row.id, place=board.name, attempt=attempt)
            self._send(run)

    def _send(self, run: Run) -> None:
        own = run.place.name.rpartition("/")[2]
        order = Order(lab=self.lab, id=run.row.id, attempt=run.attempt, board=own, job=run.row.job)
        model = None
        if run.row.job.model is not None:
            model = store.model(self.db, run.row.job.model)
        future = self._client.submit(
            work.do,
            encoded(order),
            model,
            key=f"job-{run.row.id}-{run.attempt}",
            workers=[run.address],
            resources={f"board:{own}": 1},
            pure=False,
            retries=0,
        )
        self._futures[run.row.id] = future
        task = asyncio.ensure_future(self._follow(run, future))
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def _follow(self, run: Run, future: "Future") -> None:
        """Wait for a job, and keep what came of it."""
        try:
            report = decoded(await future, Report)
        except BenchError as error:
            report = Report(status=3, why=str(error))
        except asyncio.CancelledError:
            report = None
        except Exception as error:
            if type(error).__name__ in LOST:
                report = None
            else:
                report = Report(status=3, why=f"the worker failed: {error!r:.500}")
        if self._futures.get(run.row.id) is future:
            del self._futures[run.row.id]
        if self._runs(run):
            del self.running[run.place.name]
            name = run.place.name
            took_s = time.monotonic() - run.since_s
            self.counted.busy_s[name] = self.counted.busy_s.get(name, 0.0) + took_s
            if report is None:
                self._lost(run)
        else:
            self.counted.late_results += 1
        if report is not None:
            await self._keep(run, report)
        self.changed()

    def _runs(self, run: Run) -> bool:
        now = self.running.get(run.place.name)
        return now is not None and (now.row.id, now.attempt) == (run.row.id, run.attempt)

    async def _keep(self, run: Run, report: Report) -> None:
        """Write what came of a job, as often as it takes; nothing is begun until it is."""
        while True:
            try:
                self._finish(run, report)
            except (sqlite3.Error, OSError) as error:
                self._unwritten.add(run.row.id)
                self._troubled(error)
                await asyncio.sleep(RETRY_S)
            else:
                self._unwritten.discard(run.row.id)
                return

    def _troubled(self, error: Exception) -> None:
        self.trouble = f"cannot write into {self.folder}: {error}; no job begins until it can"
        self._again_s = math.inf if self._unwritten else time.monotonic() + RETRY_S
        self.say("trouble", why=self.trouble)

    def _finish(self, run: Run, report: Report) -> None:
        job, attempt = run.row.id, run.attempt
        now = store.row(self.db, job)
        if now is None or now.state != store.RUNNING or now.attempt != attempt:
            return  # it was cancelled, or runs elsewhere by now
        if report.status in (0, 1):
            folder = self._written(job, attempt, report)
            state = store.DONE
        else:
            folder, state = None, store.FAILED
            failures = now.failures + 1
            again = report.status != 2 and failures < FAILURES_MOST and attempt < ATTEMPTS_MOST
            if again:
                self._avoid[job] = run.place.name
                why = report.why or f"status {report.status}"
                store.give_back(self.db, job, attempt, why, failed=True)
                self.say("failed", job=job, place=run.place.name, why=why, again=True)
                return
        store.finish(
            self.db,
            job,
            attempt,
            state=state,
            status=report.status,
            why=report.why,
            run_s=report.run_s,
            folder=folder,
        )
        self._avoid.pop(job, None)
        self._known_s.pop((run.row.job.kind, run.place.kind), None)
        self.counted.ended[state] = self.counted.ended.get(state, 0) + 1
        self.say(state, job=job, place=run.place.name, status=report.status, why=report.why)

    def _written(self, job: int, attempt: int, report: Report) -> str:
        """Write a run folder whole or not at all; return its name."""
        runs = self.folder / "runs"
        name = f"{job}-{attempt}"
        partial = runs / f".{name}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        left_b = FILES_MOST_B
        for file, data in report.files.items():
            left_b -= len(data)
            if not is_file_name(file) or left_b < 0:
                raise BenchError(f"a worker sent a file that is none of a run: {file!r:.80}")
            write_whole(partial / file, data)
        shutil.rmtree(runs / name, ignore_errors=True)
        partial.rename(runs / name)
        return name

    def _sweep(self) -> None:
        """Remove what a leader left that was killed while it wrote."""
        for one in (self.folder / "runs").glob(".*"):
            shutil.rmtree(one, ignore_errors=True)

    async def _stop(self, run: Run) -> None:
        """Tell a worker that nobody wants a job any more."""
        with contextlib.suppress(Exception):  # a worker that is gone has stopped
            await self._client.run(
                work.stop, run.row.id, run.attempt, workers=[run.address], on_error="ignore"
            )

    def _forget(self, job: int) -> None:
        """Take a job out of the queue in memory; what is on disk says whether it waits."""
        self.rows.pop(job, None)
        self.unplaced.discard(job)
        for name, queue in self.queues.items():
            if any(one.job == job for one in queue):
                self.queues[name] = [one for one in queue if one.job != job]
                return

    def _hear(self, event: Any) -> None:
        """Note how far a job is."""
        try:
            told = msgspec.convert({k: v for k, v in event[1].items() if k != "worker"}, Told)
        except (msgspec.ValidationError, AttributeError, TypeError, IndexError):
            return
        for name, run in self.running.items():
            if (run.row.id, run.attempt) == (told.id, told.attempt):
                self.running[name] = replace(run, told=told)
                return
