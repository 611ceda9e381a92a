"""The clients of a fleet on dask workers of this computer, each client always on the same one."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tinybench import extras
from tinybench.errors import BenchError, ToolMissingError

from ..learning.head import Floats
from .data import Labels
from .split import Members
from .train import Learnt, Trainer, Work, learn

WORKERS_MOST = 64
ROUND_S = 120.0
"""A client that has not answered by then has died."""
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
        answers = [_answer(one, len(start)) for one in futures]
        return Learnt(*(np.concatenate(part) for part in zip(*answers, strict=True)))

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
