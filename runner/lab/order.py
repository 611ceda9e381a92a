"""What goes between leader and worker: plain data, checked on both sides."""

from typing import Annotated, Any

import msgspec

from tinybench.errors import BenchError

from .job import Job
from .policy import Place

FILES_MOST = 10_000
FILES_MOST_B = 512 << 20
"""Of one run folder."""
BOARDS_MOST = 10_000
"""Of one worker."""
TOPIC = "tinybench"
"""Of the events by which workers tell how far they are."""

WORDS_MOST = 2000
"""Characters that a worker says of something."""
Words = Annotated[str, msgspec.Meta(max_length=WORDS_MOST)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


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

    status: Annotated[int, msgspec.Meta(ge=0, le=255)]
    """Exit status of the run: 0 valid, 1 a rule is broken, 2 usage, 3 the bench failed."""
    why: Words | None = None
    run_s: Annotated[float, msgspec.Meta(ge=0, le=1e9)] = 0.0
    files: Annotated[dict[str, bytes], msgspec.Meta(max_length=FILES_MOST)] = {}
    """Of the run folder."""
    absent: Words | None = None
    """Why its board cannot be reached, where it cannot: that is no failure of the job."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is."""

    id: int
    attempt: int
    note: Words | None = None
    done: Count | None = None
    total: Count | None = None
    latency_s: Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None = None
    """Of the latest inference or window, by the DUT's clock; of an emulated board a count."""
    power_w: Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)] | None = None
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
    version: Annotated[str, msgspec.Meta(max_length=100)]
    """Of tinybench: another one may measure or judge otherwise."""
    clock_s: Annotated[float, msgspec.Meta(ge=0, le=1e12)]
    """Seconds since 1970, by its clock."""
    places: Annotated[list[Place], msgspec.Meta(max_length=BOARDS_MOST)]
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
