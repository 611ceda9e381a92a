"""A real leader on real dask, with workers as processes, or with boards that sleep in this one."""

import asyncio
import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import requests

from tests.program import LISTENING
from tinybench.runner.lab import engine, serve, store
from tinybench.runner.lab.estimate import estimate_s
from tinybench.runner.lab.job import Job
from tinybench.runner.lab.leader import loop
from tinybench.runner.lab.leader.state import Leader
from tinybench.runner.lab.order import Order, Report, Told
from tinybench.runner.lab.policy import Place
from tinybench.runner.lab.work import CHILD

SLEEPER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("sleeper.py")))
LAB = "0123456789abcdef"
STARTED_S = 90.0


def asleep(ms: int, **more: Any) -> Job:
    """Return a job that takes so long."""
    return Job(series="a", words={"task": "kws", "limit": max(1, ms)}, **more)


class Dozing:
    """Boards in this process that sleep; and who was on which of them, and when."""

    def __init__(self, count: int) -> None:
        self.places = {f"b{n}": Place(f"w/b{n}", "host", "host") for n in range(count)}
        self.absent: dict[str, str] = {}
        self.spans: list[tuple[str, float, float]] = []

    def do(self, order: Order, model: bytes | None, tell: Callable[[Told], None]) -> Report:
        """Sleep as long as the job says."""
        del model, tell
        start_s = time.monotonic()
        limit = order.job.words["limit"]
        assert isinstance(limit, int)
        if limit > 1:
            time.sleep(limit / 1000)
        self.spans.append((order.board, start_s, time.monotonic()))
        return Report(status=0, run_s=limit / 1000)

    def stop(self, id_: int, attempt: int) -> None:
        """Sleep on."""

    def stop_all(self) -> None:
        """Sleep on."""


@contextlib.asynccontextmanager
async def leading(
    folder: Path, port: int = 0, estimate: Any = estimate_s, silent_s: float = 60.0
) -> AsyncIterator[tuple[Leader, str, list[tuple[str, dict[str, Any]]]]]:
    """Yield a leader at work, the address of its scheduler, and what it says."""
    from distributed import Client

    engine.settle()
    said: list[tuple[str, dict[str, Any]]] = []
    with contextlib.closing(store.open_store(folder / "queue.sqlite")) as db:
        leader = Leader(
            db, folder, LAB, lambda what, **k: said.append((what, k)), estimate, silent_s
        )
        async with (
            engine.scheduler("127.0.0.1", port, None) as scheduler,
            Client(scheduler.address, asynchronous=True) as client,
        ):
            task = asyncio.create_task(loop.serve(leader, scheduler, client))
            try:
                yield leader, scheduler.address, said
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


@contextlib.asynccontextmanager
async def dozing(leader: Leader, address: str, bench: Dozing, folder: Path) -> AsyncIterator[None]:
    """Let the boards of this process join."""
    said = {
        "name": "w",
        "version": version("tinybench-mcu"),
        "clock_s": time.time(),
        "places": msgspec.to_builtins(list(bench.places.values())),
    }
    async with engine.worker(address, "w", bench, said, folder, "127.0.0.1", None):  # type: ignore[arg-type]
        await until(lambda: len(leader.places) == len(bench.places))
        yield


@dataclass(frozen=True)
class Served:
    """A whole lab, as `tinybench lab` serves it."""

    address: str
    folder: Path
    token: str


@contextlib.contextmanager
def served(folder: Path, *words: str, end: int = signal.SIGINT) -> Iterator[Served]:
    """Start a lab as a user does, and end it by Ctrl-C, or as a system ends its services."""
    folder.mkdir(parents=True, exist_ok=True)
    port, errors = free_port(), folder / "stderr"
    said = ["lab", "--lab", str(folder), "--http", str(port), "--dask", str(free_port()), *words]
    with errors.open("wb") as file:
        process = subprocess.Popen([*LISTENING, *said], stderr=file)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline_s = time.monotonic() + STARTED_S
        while True:
            assert process.poll() is None, errors.read_text()
            assert time.monotonic() < deadline_s, "no lab"
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(f"{address}/api/state", timeout=30).json()["boards"]:
                    break
            time.sleep(0.2)
        yield Served(address, folder, (folder / "token").read_text().strip())
    finally:
        process.send_signal(end)
        assert process.wait(60) == 0, errors.read_text()
        assert "Traceback" not in errors.read_text()
        assert "the lab has ended" in errors.read_text()


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


async def until(met: Callable[[], bool], most_s: float = 120.0) -> None:
    """Wait for something that happens."""
    deadline_s = time.monotonic() + most_s
    while not met():
        assert time.monotonic() < deadline_s, "it did not happen"
        await asyncio.sleep(0.02)


def started(
    address: str, name: str, folder: Path, boards: Sequence[str], ports: tuple[int, int] = (0, 0)
) -> "subprocess.Popen[bytes]":
    """Start a worker as a process, with a process group of its own.

    Without `boards` it has those of its bench file, and runs jobs for real; else they sleep.
    `ports`: on which it listens, and by which it is reached; 0: any, and the same.
    """
    own = [address, name, str(folder), *map(str, ports)]
    words = [sys.executable, "-m", __name__, *own, *boards]
    return subprocess.Popen(words, start_new_session=True)


def ended(process: "subprocess.Popen[bytes]", number: int = signal.SIGKILL) -> None:
    """End a worker, by default as the power going does."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGCONT)
        os.kill(process.pid, number)
    process.wait(30)


def main(address: str, name: str, folder: str, port: str, reached: str, *boards: str) -> None:
    """Serve a leader as a worker, as `started` says."""
    import distributed

    if port != "0":
        more = {"port": int(port), "contact_address": f"tcp://127.0.0.1:{reached}"}
        distributed.Worker = functools.partial(distributed.Worker, **more)  # type: ignore[misc]
    serve.LOOK_S = (0.1, 0.4)
    told = serve.Working(
        address, Path(folder), name=name, emulated=boards, child=SLEEPER if boards else CHILD
    )
    serve.BACK_OFF_S = (0.2, 0.5)
    with contextlib.suppress(KeyboardInterrupt):
        serve.work(told, lambda _: None)


if __name__ == "__main__":
    main(*sys.argv[1:])
