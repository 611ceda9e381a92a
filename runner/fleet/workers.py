"""The clients of a fleet on dask: simulated ones on this computer, boards wherever they are."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from tinybench import extras
from tinybench.errors import BenchError, ToolMissingError, UsageError
from tinybench.printable import one_line

from ..learning.head import Floats
from .data import Labels
from .split import Members
from .train import Learnt, Trainer, Work, joined, learn

if TYPE_CHECKING:  # boards bring all that flashes and drives them; clients here need none
    from .board import Order, Reply
    from .boards import Ask

WORKERS_MOST = 64
RESOURCE = "board:"
"""What a worker calls a board that one task has at a time, as workers of a lab do."""
ROUND_S = 120.0
"""A client that has not answered by then has died."""
BOARDS_S = 600.0
"""... whether its board is busy, or slow."""
CONNECT_S = 10.0
LOST = ("FutureCancelledError", "KilledWorker", "CommClosedError", "CancelledError")


def one_client(work: Work, start: Floats, values: Floats, labels: Labels, client: int) -> Learnt:
    """Do the local steps of one client, whose rows these are; called on its worker."""
    return learn(work, start, values, labels, [np.arange(len(labels))], [client])


@contextlib.contextmanager
def workers(count: int, values: Floats, labels: Labels, members: Members) -> Iterator[Trainer]:
    """Start so many workers on loopback, give each the rows of its clients, and yield the trainer.

    A client whose worker dies has not answered, and has another one in the next round. Raises
    ToolMissingError without distributed.
    """
    try:
        import dask.config
        from distributed import Client as Dask
        from distributed import LocalCluster
    except ImportError as error:
        raise ToolMissingError(extras.missing("--workers", "distributed", "lab")) from error
    quiet = {
        "distributed.scheduler.allowed-failures": 0,
        "distributed.scheduler.work-stealing": False,
        "distributed.worker.profile.enabled": False,
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        "distributed.admin.log-length": 0,
        "distributed.nanny.environ": {},
    }
    private: dict[str, Any] = {
        "threads_per_worker": 1,
        "host": "127.0.0.1",
        "dashboard_address": None,
        "silence_logs": logging.CRITICAL,
        "memory_limit": None,
    }
    with (
        dask.config.set(quiet),
        LocalCluster(count, **private) as cluster,
        Dask(cluster) as dask,
    ):
        yield _trainer(dask, values, labels, members)


def _trainer(dask: Any, values: Floats, labels: Labels, members: Members) -> Trainer:
    from distributed import wait

    where: dict[int, str] = {}
    own: dict[int, Any] = {}

    def train(work: Work, start: Floats, clients: Sequence[int]) -> Learnt:
        alive = sorted(dask.scheduler_info(n_workers=-1)["workers"])
        if not alive:
            raise BenchError("no worker of dask is left on this computer; train without --workers")
        for n in clients:
            if where.get(n) not in alive:
                where[n] = alive[n % len(alive)]
                rows = (values[members[n]], labels[members[n]])
                own[n] = dask.scatter(rows, workers=[where[n]], hash=False)
        begin = dask.scatter(start, broadcast=False, hash=False)
        futures = [
            dask.submit(
                _on_worker, work, begin, own[n], n, workers=[where[n]], pure=False, retries=0
            )
            for n in clients
        ]
        with contextlib.suppress(TimeoutError):
            wait(futures, timeout=ROUND_S)
        return joined([_answer(one, len(start)) for one in futures])

    return train


def _on_worker(work: Work, start: Floats, rows: tuple[Floats, Labels], client: int) -> Learnt:
    return one_client(work, start, rows[0], rows[1], client)


def _answer(future: Any, size: int) -> Learnt:
    """Return what a client answered, or that it has died."""
    dead = Learnt(np.full((1, size), np.nan, np.float32), np.full(1, np.nan), np.zeros(1, np.bool_))
    if not future.done():
        future.cancel()
        return dead
    try:
        return future.result(timeout=1.0)
    except Exception as error:
        if type(error).__name__ in LOST or isinstance(error, TimeoutError):
            return dead
        raise


@contextlib.contextmanager
def elsewhere(
    address: str, security: Any, names: Sequence[str]
) -> "Iterator[tuple[list[str], Ask]]":
    """Connect to a scheduler of dask, such as a lab's leader; yield its boards, and who asks them.

    A worker offers a board as the resource "board:NAME". `names`: these alone, and none: all. Only
    bytes are sent, and taken back. `security`: dask's, or None on loopback. Raises UsageError for a
    scheduler that does not answer, or without such boards; ToolMissingError.
    """
    try:
        from distributed import Client as Dask
    except ImportError as error:
        raise ToolMissingError(extras.missing("--leader", "distributed", "lab")) from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)
    try:
        dask = Dask(address, security=security, timeout=CONNECT_S)
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        raise UsageError(
            f"--leader {address}: no scheduler of dask answers there ({one_line(str(error))[:200]})"
        ) from error
    with dask:
        offered = list[str]()
        for worker in sorted(
            dask.scheduler_info(n_workers=-1)["workers"].values(), key=lambda one: str(one["name"])
        ):
            offered += [
                name.removeprefix(RESOURCE)
                for name, count in sorted(worker["resources"].items())
                if name.startswith(RESOURCE)
                for _ in range(int(count))
            ]
        missing = next((one for one in names if one not in offered), None)
        if missing is not None or not offered:
            raise UsageError(
                f"--leader {address}: no worker offers {missing or 'a board'}: "
                f"{', '.join(offered[:20]) or 'no boards'} are there"
            )
        yield list(names) or offered, _asker(dask)


def _asker(dask: Any) -> "Ask":
    from distributed import wait

    from .board import serve

    def ask(orders: "Sequence[Order]") -> "list[Reply]":
        futures = [
            dask.submit(
                serve, msgspec.json.encode(one), resources={RESOURCE + one.board: 1}, pure=False,
                retries=0,
            )
            for one in orders
        ]  # fmt: skip
        with contextlib.suppress(TimeoutError):
            wait(futures, timeout=BOARDS_S)
        return [_reply(one) for one in futures]

    return ask


def _reply(future: Any) -> "Reply":
    """Return what a worker answered, or why it did not."""
    from .board import Reply

    if not future.done():
        future.cancel()
        return Reply(why=f"no answer within {BOARDS_S:g} s")
    try:
        return msgspec.json.decode(future.result(timeout=1.0), type=Reply)
    except Exception as error:
        if type(error).__name__ in LOST or isinstance(error, TimeoutError):
            return Reply(why="its worker is gone")
        if isinstance(error, msgspec.MsgspecError | ImportError | AttributeError):
            return Reply(why=f"its worker has another tinybench: {one_line(str(error))[:200]}")
        raise
