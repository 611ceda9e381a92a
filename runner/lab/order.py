"""What goes between leader and worker: plain data, checked on both sides."""

from typing import Annotated, Any

import msgspec

from tinybench.errors import BenchError

from .job import Job
from .policy import Place

TOPIC = "tinybench"
"""Of the events by which workers tell how far they are."""


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job for a board of a worker."""

    lab: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]
    id: Annotated[int, msgspec.Meta(ge=1)]
    attempt: Annotated[int, msgspec.Meta(ge=1)]
    board: str
    """Its name on the worker."""
    job: Job


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of it there."""

    status: int
    """Exit status of the run: 0 valid, 1 a rule is broken, 2 usage, 3 the bench failed."""
    why: str | None = None
    run_s: float = 0.0
    files: dict[str, bytes] = {}
    """Of the folder of the run, or of the study: names with "/" between."""
    absent: str | None = None
    """Why its board cannot be reached, where it cannot: that is no failure of the job."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is."""

    id: int
    attempt: int
    note: str | None = None
    done: int | None = None
    total: int | None = None
    latency_s: float | None = None
    """Of the latest inference or window, by the DUT's clock; of an emulated board a count."""
    power_w: float | None = None
    """What the DUT draws now, where an energy monitor runs."""
    modelled: bool = False
    """Whether that is a model's."""


class Here(msgspec.Struct, frozen=True, kw_only=True):
    """Which boards of a worker are there, as it says now and then."""

    absent: dict[str, str]
    """Of those that are not, why: {name on the worker: words}."""


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of itself."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")]
    version: str
    """Of tinybench: another one may measure or judge otherwise."""
    clock_s: float
    """Seconds since 1970, by its clock."""
    places: list[Place]
    absent: dict[str, str] = {}
    """As in Here."""


def encoded(value: msgspec.Struct) -> bytes:
    """Return plain data as bytes."""
    return msgspec.msgpack.encode(value)


def decoded(data: Any, kind: type[msgspec.Struct]) -> Any:
    """Return plain data of bytes. Raises BenchError for what is none of that kind."""
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except (msgspec.MsgspecError, TypeError) as error:
        raise BenchError(
            f"what came over the line is no {kind.__name__} of this tinybench: {error}"
        ) from None
