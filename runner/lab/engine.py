"""The engine below a lab: dask.distributed, set up so that it listens to no more than it must.

What dask itself allows is more than a lab needs: whoever reaches its ports may have its workers run
any function. Hence these ports are on loopback, or ask both sides for certificates of the lab.
"""

import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybench.errors import ToolMissingError, UsageError
from tinybench.extras import missing

from .order import TOPIC
from .work import Bench

if TYPE_CHECKING:
    from distributed import Scheduler, Security
    from distributed import Worker as DaskWorker

CONNECT_S = 10.0
DEAD_S = 12.0
"""A connection on which nothing is acknowledged for so long is gone; dask takes no less than 11."""
SILENT = logging.CRITICAL + 1
"""Of dask, which tells of clients that are gone as critical; a lab has a log of its own."""


def insist_installed() -> None:
    """Raise ToolMissingError unless what a lab needs is installed."""
    for name in ("distributed", "starlette", "uvicorn"):
        try:
            __import__(name)
        except ImportError as error:
            raise ToolMissingError(missing("a lab", name, "lab")) from error


def settle() -> None:
    """Set dask up in this process: quiet, without its dashboard.

    Who is silent too long is seen by the leader, and not by dask, which goes by the date: a clock
    that is set would make every worker silent at once.
    """
    import dask.config
    import distributed  # noqa: F401 - it sets its loggers up when it is first imported

    dask.config.set(
        {
            "distributed.worker.profile.enabled": False,
            "distributed.scheduler.worker-ttl": None,
            "distributed.scheduler.allowed-failures": 0,
            "distributed.scheduler.http.routes": [],
            "distributed.worker.http.routes": [],
            "distributed.scheduler.work-stealing": False,
            "distributed.comm.timeouts.connect": f"{CONNECT_S}s",
            "distributed.comm.timeouts.tcp": f"{DEAD_S}s",
            "distributed.admin.log-length": 0,
        }
    )
    for name in [*logging.root.manager.loggerDict, "tornado"]:
        if name.partition(".")[0] in ("distributed", "tornado"):
            logging.getLogger(name).setLevel(SILENT)


@contextlib.asynccontextmanager
async def scheduler(
    host: str, port: int, security: "Security | None"
) -> "AsyncIterator[Scheduler]":
    """Serve as the scheduler of a lab. Raises UsageError for a port that is taken."""
    from distributed import Scheduler

    try:
        made = Scheduler(
            host=host,
            port=port,
            protocol="tcp" if security is None else "tls",
            dashboard=False,
            dashboard_address="127.0.0.1:0",
            security=security,
        )
        await made
    except (OSError, RuntimeError) as error:
        why = error if isinstance(error, OSError) else error.__cause__  # as distributed wraps it
        if not isinstance(why, OSError):
            raise
        raise UsageError(
            f"cannot listen on {host}:{port}: {why.strerror or why}; is a lab running there? "
            "Another port: --dask N"
        ) from error
    try:
        yield made
    finally:
        await made.close()


@contextlib.asynccontextmanager
async def worker(
    leader: str,
    name: str,
    bench: Bench,
    said: dict[str, Any],
    folder: Path,
    host: str | None,
    security: "Security | None",
) -> "AsyncIterator[DaskWorker]":
    """Serve as a worker: each of its boards is a resource that one job has at a time."""
    from distributed import Worker

    made = Worker(
        leader,
        name=name,
        host=host,
        nthreads=len(bench.places) + 1,
        resources={f"board:{one}": 1 for one in bench.places},
        startup_information={TOPIC: lambda _: {**said, "absent": bench.absent}},
        extensions={TOPIC: lambda _: bench},  # type: ignore[dict-item]
        memory_limit=0,
        local_directory=str(folder),
        dashboard=False,
        dashboard_address="127.0.0.1:0",
        security=security,
        death_timeout=CONNECT_S,
    )
    try:
        await made
        yield made
    finally:
        bench.stop_all()
        await made.close(timeout=CONNECT_S)
