"""The processes of a lab: a leader with its page, and a worker."""

import asyncio
import contextlib
import functools
import secrets
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tinybench.errors import TakenError, TinybenchError, UsageError
from tinybench.files import open_lines, read_text

from ..desk.bench import find_bench, load_bench
from ..desk.choose import absent
from ..desk.locks import hold
from . import engine, safety, store
from .hooks import Hooks, declare
from .leader import loop
from .leader.state import Leader
from .order import TOPIC, Here, Worker
from .page import idle, journal
from .page.published import Published, look
from .page.told import job as job_told
from .places import places
from .settings import Settings
from .settings import read as read_settings
from .work import CHILD, Bench

if TYPE_CHECKING:
    from distributed import Security
    from distributed import Worker as DaskWorker

JOBS = ".jobs"
"""Folder of what a worker keeps lest it is asked twice: hidden, for the leader has the results."""
PAGE_PORT, DASK_PORT = 8750, 8751
CONNECTIONS_MOST = 512
LOOK_S = (1.0, 15.0)
"""Between two looks at which boards are there: after a change, and at most."""
BACK_OFF_S = (1.0, 30.0)
"""From one try to reach the leader to the next: the first, and the longest."""


@dataclass(frozen=True)
class Serving:
    """What a leader is told."""

    folder: Path
    """Of the queue, the results, the token and the certificates."""
    host: str = "127.0.0.1"
    port: int = PAGE_PORT
    dask_port: int = DASK_PORT
    here: Sequence[str] | None = None
    """Emulated boards of a worker in this process too; None: there is none."""


@dataclass(frozen=True)
class Working:
    """What a worker is told."""

    leader: str
    """Such as tcp://127.0.0.1:8751 or tls://lab.example:8751."""
    folder: Path
    name: str = ""
    """This computer's, unless given."""
    host: str | None = None
    """Address on which the leader reaches it."""
    emulated: Sequence[str] = ()
    tls: Path | None = None
    child: Sequence[str] = CHILD
    """What runs a job; the tests of a lab have one that sleeps."""


def lead(told: Serving, say: Callable[[str], None]) -> None:
    """Serve a lab until it is interrupted. Raises UsageError, ToolMissingError."""
    engine.insist_installed()
    if not safety.is_loopback(told.host):
        safety.security(safety.tls_folder(told.folder), safety.LEADER)
    key = f"lab {told.folder.resolve()}"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(hold({key: f"the lab in {told.folder}"}, 0.0, say))
        except TakenError as error:
            served = str(error).partition(". Wait for it")[0]
            raise TakenError(
                f"{served}. Ask it by `tinybench lab boards`, or serve another one: give --lab "
                "another folder, and --http and --dask other ports"
            ) from error
        with contextlib.suppress(KeyboardInterrupt):  # which is how a lab is ended
            asyncio.run(_lead(told, say))


async def _lead(told: Serving, say: Callable[[str], None]) -> None:
    import uvicorn
    from distributed import Client

    from .page.door import app

    engine.settle()
    tls = safety.tls_folder(told.folder)
    secure = None if safety.is_loopback(told.host) else safety.security(tls, safety.LEADER)
    db = store.open_store(told.folder / "queue.sqlite")
    token = safety.token(told.folder)
    settings = read_settings(told.folder)
    with (
        contextlib.closing(db),
        contextlib.closing(_listening(told)) as listening,
        contextlib.closing(_Log(told.folder / "log.jsonl")) as log,
    ):
        leader = Leader(db, told.folder, _lab_id(told.folder), log.say, silent_s=settings.silent_s)
        scheme = "http" if secure is None else "https"
        port = listening.getsockname()[1]
        address = f"{scheme}://{_written_host(told.host)}:{port}"
        hooks = _hooks(leader, settings, log)
        journal.speak(leader, address, say)
        published = Published()
        async with contextlib.AsyncExitStack() as stack:
            enter = stack.enter_async_context
            stack.enter_context(hooks)
            stack.callback(journal.farewell, leader, say)
            scheduler = await enter(engine.scheduler(told.host, told.dask_port, secure))
            client = await enter(Client(scheduler.address, asynchronous=True, security=secure))
            if told.here is not None:
                own = Working(
                    scheduler.address,
                    told.folder / "worker",
                    emulated=told.here,
                    tls=None if secure is None else tls,
                )
                await enter(_one_worker(own, secure))
            config = uvicorn.Config(
                app(leader, token, told.host, port, published),
                log_level="critical",
                access_log=False,  # addresses may hold what is nobody's business
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=1,
                timeout_keep_alive=30,
                limit_concurrency=CONNECTIONS_MOST,
                ssl_certfile=None if secure is None else tls / "leader.pem",
                ssl_keyfile=None if secure is None else str(tls / "leader-key.pem"),
            )
            server = uvicorn.Server(config)
            journal.greet(leader, address, say, workers=scheduler.address, alone=told.here is None)
            serving = asyncio.create_task(loop.serve(leader, scheduler, client))
            trees = [told.folder / Path(one).expanduser() for one in settings.published]
            looking = asyncio.create_task(look(published, trees, log.say))
            idling = asyncio.create_task(idle.let_go(server.server_state.connections))
            paging = asyncio.create_task(server.serve(sockets=[listening]))
            # uvicorn ends by the signal that it got, which is looked at lest it is told as a fault
            paging.add_done_callback(lambda task: task.cancelled() or task.exception())
            await asyncio.wait({serving, paging}, return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            for task in (serving, looking, idling):
                task.cancel()
            for task in (serving, paging, looking, idling):
                with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
                    await task


def _hooks(leader: Leader, settings: Settings, log: "_Log") -> Hooks:
    """Return what tells webhooks of each job that ends."""
    declare(leader.db, settings.webhooks)
    key = safety.token(leader.folder, "webhook-key") if settings.webhooks else ""

    def body_of(db: sqlite3.Connection, job: int) -> dict[str, Any] | None:
        row = store.row(db, job)
        if row is None:
            return None
        worst = store.worst(db, row.submission)
        return {"lab": leader.lab, "job": job_told(row), "worst": worst}

    return Hooks(leader.folder / "queue.sqlite", settings.webhooks, key, body_of, log.say)


def work(told: Working, say: Callable[[str], None]) -> None:
    """Serve a leader with this computer's boards until it is interrupted.

    A leader that is not there, or goes, is waited for. Raises UsageError, ToolMissingError.
    """
    engine.insist_installed()
    secure = safety.joining(told.leader, told.tls)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_work(told, secure, say))
    say("this worker has ended; what it ran begins again elsewhere, or when it is back")


async def _work(told: Working, secure: "Security | None", say: Callable[[str], None]) -> None:
    engine.settle()
    wait_s = BACK_OFF_S[0]
    while True:
        try:
            async with _one_worker(told, secure) as worker:
                say(f"joined {told.leader} as {worker.name}")
                wait_s = BACK_OFF_S[0]
                await worker.finished()
                say(f"{told.leader} is gone; waiting for it")
        except TinybenchError:
            raise
        except (OSError, TimeoutError, RuntimeError) as error:
            why = _taken(error) or await asyncio.to_thread(_refusal, told)
            why = why or f"no leader answers there ({error!r:.120})"
            say(f"cannot join {told.leader}: {why}; trying again in {wait_s:.0f} s")
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, BACK_OFF_S[1])


def _taken(error: Exception) -> str | None:
    """Return what to do where the engine refuses a worker for its name; a lost one has it still."""
    if "name taken" not in str(error.__cause__):
        return None
    return "another worker there has this name: start it with another --name, or let that one end"


def _refusal(told: Working) -> str | None:
    host, _, port = told.leader.partition("://")[2].rpartition(":")
    if told.tls is None or not told.leader.startswith("tls://") or not port.isdecimal():
        return None
    return safety.refusal(host.strip("[]"), int(port), told.tls)


@contextlib.asynccontextmanager
async def _one_worker(told: Working, secure: "Security | None") -> AsyncIterator[Any]:
    name = told.name or socket.gethostname().split(".")[0][:63] or "worker"
    desk = load_bench(find_bench())
    found = places(name, desk, told.emulated)
    if not found:
        raise UsageError(
            "this computer has no boards for a lab: name them in bench.toml (`tinybench bench "
            "init`), or emulated ones with --emulated mps2-an386"
        )
    said = Worker(
        name=name,
        version=version("tinybench-mcu"),
        clock_s=time.time(),
        places=list(found.values()),
    )
    looking = functools.partial(absent, desk) if desk.boards else dict
    bench = Bench(found, told.folder / JOBS, told.child, looking)
    await asyncio.to_thread(bench.look)
    async with engine.worker(
        told.leader,
        name,
        bench,
        msgspec.to_builtins(said),
        told.folder / "dask",
        told.host or ("127.0.0.1" if secure is None else None),
        secure,
    ) as worker:
        looks = asyncio.create_task(_look(bench, worker)) if desk.boards else None
        try:
            yield worker
        finally:
            if looks is not None:
                looks.cancel()


async def _look(bench: Bench, worker: "DaskWorker") -> None:
    """Tell the leader now and then which boards are there: soon after a change, later seldom.

    It is told even where nothing has changed, lest a word that was lost be lost for good.
    """
    wait_s, told = LOOK_S[0], bench.absent
    while True:
        await asyncio.sleep(wait_s)
        now = await asyncio.to_thread(bench.look)
        worker.log_event(TOPIC, msgspec.to_builtins(Here(absent=now)))
        wait_s = min(2 * wait_s, LOOK_S[1]) if now == told else LOOK_S[0]
        told = now


def _listening(told: Serving) -> socket.socket:
    """Return the socket of the page. Raises UsageError for a port that is taken."""
    family = socket.AF_INET6 if ":" in told.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((told.host, told.port))
        made.listen(128)
    except OSError as error:
        made.close()
        raise UsageError(
            f"cannot listen on {told.host}:{told.port}: {error.strerror or error}; is a lab "
            "running there? Another port: --http N"
        ) from error
    return made


def _written_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _lab_id(folder: Path) -> str:
    path = folder / "id"
    try:
        with path.open("x") as file:
            file.write(secrets.token_hex(8))
    except FileExistsError:
        pass
    return read_text(path, 100).strip()


class _Log:
    """Lines of JSON, one for each thing that happened; a full disk stops no lab."""

    def __init__(self, path: Path) -> None:
        self._file = open_lines(path)

    def say(self, what: str, **words: Any) -> None:
        """Write a line."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        told = {k: v for k, v in words.items() if v is not None}
        with contextlib.suppress(OSError):
            self._file.write(msgspec.json.encode({"at": at, "what": what, **told}) + b"\n")

    def close(self) -> None:
        """Close it."""
        self._file.close()
