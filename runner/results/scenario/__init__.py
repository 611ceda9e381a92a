"""A scenario of MLPerf Inference on one board: as asked for, its queries, and what they say."""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ...scenario import order
from .interference import Interference

QUERIES_MAX = 1_500_000
"""Of one scenario, however short an inference is: a journal of more could not be read."""
Count = Annotated[int, Meta(ge=1, le=QUERIES_MAX)]
Name = Literal["single-stream", "multi-stream", "server", "offline"]
Kind = Literal["query", "repeated", "known", "unseen", "answer"]
SHARES: dict[str, float] = {
    "single-stream": 0.9, "multi-stream": 0.99, "server": 0.99, "offline": 0.9,
}  # fmt: skip
"""The percentile that is each scenario's figure. Ref: MLPerf Inference Rules, scenarios."""
STREAMS = 8
"""Samples of a query of the multi-stream scenario, there."""
AUDITED = 64
"""Queries of each audit: as many as prove a 90th percentile."""
KNOWN = 5
"""Inputs that a DUT under the MLPerf Tiny rules is timed on: the first of the set."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A scenario as it is asked for; what is None the profile says."""

    name: Name
    min_queries: Count | None = None
    min_duration_s: Annotated[float, Meta(ge=0, le=86_400)] | None = None
    """On the DUT's own clock."""
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    target_qps: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    """Of the server scenario; None: the highest at which the deadline holds."""
    deadline_s: Annotated[float, Meta(gt=0, le=86_400)] | None = None
    streams: Annotated[int, Meta(ge=1, le=1024)] = STREAMS
    audits: bool = False
    """Whether the DUT is audited as well."""
    engine_loadgen: bool = False
    """Whether the genuine LoadGen says which input is next, and when to stop."""
    interference: Interference | None = None
    """Built into the firmware of an emulated board."""

    @property
    def samples(self) -> int:
        """Samples of a query."""
        return self.streams if self.name == "multi-stream" else 1

    @property
    def share(self) -> float:
        """The percentile that is its figure, as a share of 1."""
        return SHARES[self.name]

    def order(self, count: int) -> Iterator[list[int]]:
        """Yield, without end, the inputs of each query, of a set of `count`, as LoadGen draws."""
        if self.name == "offline":
            return order.batch(count, self.seed)
        return order.samples(count, self.samples, self.min_queries or 1, self.seed)


class Query(msgspec.Struct, frozen=True, omit_defaults=True):
    """A query that was answered."""

    samples: list[int]
    """Numbers of its inputs in the set."""
    device_us: list[int]
    """Of each, by the DUT's clock."""
    host_us: int
    """From its first upload to its last answer, by the host's clock."""
    results: list[str]
    kind: Kind = "query"
    """Or which audit asked it."""


class Audit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an audit of the DUT found, beside the queries of the scenario."""

    name: Literal["repeated", "known", "unseen", "answer"]
    count: int
    """Inferences of it."""
    usual_s: float | None = None
    """Median time of an inference of the scenario's queries."""
    found_s: float | None = None
    """... and of the audit's."""
    differing: int = 0
    """Answers that are not those that the queries had to the same inputs."""


class LoadGen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the genuine LoadGen says of its test, by the clock of this computer, line included."""

    version: str
    """Empty where its log does not say."""
    valid: bool
    duration_met: bool
    queries_met: bool
    early_stopping_met: bool
    min_duration_s: float
    """What it was asked for."""
    min_queries: int
    mean_ns: int
    """Of the latency of a query; of the offline scenario, since its batch was sent."""
    p50_ns: int
    p90_ns: int
    p97_ns: int
    p99_ns: int
    p99_9_ns: int
    estimates_ns: dict[str, int] = {}
    """Its early stopping estimates, by percentile, such as "p90"."""
    advice: str = ""
    """What it recommends where the test is not valid."""


class Tail(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Percentiles of latencies in s, without interpolation."""

    p50_s: float
    p90_s: float
    p97_s: float
    p99_s: float
    p99_9_s: float


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a scenario of MLPerf Inference found on one board. Times are the DUT's own."""

    asked: Asked
    count: int
    """Queries."""
    duration_s: float
    """By the DUT's clock, of all inferences; of the server scenario, until the last arrival."""
    latency: Tail
    """Of a query; in the server scenario, its wait included."""
    end_to_end: Tail | None
    """By the host's clock, the line included; None of an emulated board, whose line has no time,
    and of a server, whose queue is arithmetic."""
    link_s: float | None
    """Median of what a query takes longer by the host's clock than by the DUT's."""
    estimate_s: float | None
    """What the scenario's percentile does not exceed, with 99 % confidence; None where the queries
    are too few to say. Ref: MLPerf Inference Rules, early stopping."""
    discarded: int
    """Queries above it."""
    needed: int
    """Queries that the least such estimate takes."""
    over: int | None = None
    """Queries over the deadline."""
    rate_per_s: float | None
    """Inferences in a second; of a server, the highest rate of arrivals that keeps the deadline, or
    the one that was asked for; None where no rate keeps it."""
    right: int | None
    """Inferences with the right class, where inputs have one."""
    inputs: int
    """Different inputs among them."""
    answers: int
    """Different answers among theirs."""
    samples: list[int]
    """Numbers of the inputs, in order; `asked.samples` to a query."""
    device_us: list[int]
    host_us: list[int]
    """Of each query."""
    audits: list[Audit] = []
    loadgen: LoadGen | None = None
    """Where the genuine LoadGen asked the queries; None without it, or before its test ended."""
