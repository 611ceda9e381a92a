"""The scenario mode: queries one after the other, in LoadGen's order, each timed by two clocks."""

import itertools
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from tinybench.datasets.reader import Sample
from tinybench.errors import ProtocolError

from ..dut.client import Dut
from ..results.scenario import AUDITED, KNOWN, QUERIES_MAX, Asked, Kind, Query
from . import loadgen
from .modes import check_count

KEPT_INPUTS = 4096
"""In memory, of those that were read; and so many answers that were looked at."""
STANDING = 64
"""Queries without any time, after which a clock is taken to stand still."""
FLIPPED_B = 8
"""Bytes of an input whose lowest bit is turned, to make one that nobody has seen."""


def queries(
    dut: Dut,
    samples: Sequence[Sample],
    result_count: int,
    asked: Asked,
    known: Iterable[Query],
    folder: Path | None = None,
) -> Iterator[Query]:
    """Ask the queries of a scenario that are not `known` yet, then those of its audits; yield each.

    They go on until there are as many, and over as long a time of the DUT, as asked for; or for as
    long as LoadGen asks, whose logs are left in `folder`: its test is whole or not begun. Of a file
    with several inputs the first one counts. Raises ProtocolError for a wrong count of values, and
    for a clock that stands still, by which they would never last long enough; else as
    `loadgen.queries`.
    """
    so_far = _SoFar()
    audited = 0
    for query in known:
        so_far.add(query)
        audited += query.kind != "query"
    read = lru_cache(KEPT_INPUTS)(lambda number: samples[number].windows()[0])

    check = lru_cache(KEPT_INPUTS)(lambda text: check_count(text, result_count))

    def ask(numbers: Sequence[int]) -> Query:
        return _ask(dut, read, numbers, check)

    asking = _ours(asked, len(samples), so_far, ask)
    if asked.engine_loadgen:
        there = () if so_far.count or folder is None else (folder,)
        asking = (one for log in there for one in loadgen.queries(asked, len(samples), ask, log))
    for query in asking:
        so_far.add(query)
        yield query
    if asked.audits:
        todo = list(_audits(list(so_far.inputs), len(samples), asked.seed))
        for kind, number, turned in todo[audited:]:
            yield _ask(dut, read, [number], check, kind, turned)


class _SoFar:
    """What must be known of the queries of a scenario to go on: no more, however many they are."""

    def __init__(self) -> None:
        self.count = 0
        self.busy_us = 0
        self.inputs: dict[int, None] = {}
        """That were asked for, in the order in which they first were."""

    def add(self, query: Query) -> None:
        """Count one that was answered; those of audits do not count."""
        if query.kind == "query":
            self.count += 1
            self.busy_us += sum(query.device_us)
            self.inputs.update(dict.fromkeys(query.samples))


def _ours(asked: Asked, count: int, so_far: _SoFar, ask: loadgen.Ask) -> Iterator[Query]:
    """Yield the queries that come after those so far; they are among these when we go on."""
    wanted, enough_us = wanted_queries(asked), (asked.min_duration_s or 0.0) * 1e6
    for numbers in itertools.islice(asked.order(count), so_far.count, QUERIES_MAX):
        if so_far.count >= wanted and (so_far.busy_us >= enough_us or asked.target_qps):
            break
        yield ask(numbers)
        if not so_far.busy_us and so_far.count >= STANDING:
            raise ProtocolError(
                f"{so_far.count} queries took 0 us by the DUT's clock: it stands still, or this is "
                "the energy build, which has none"
            )


def wanted_queries(asked: Asked) -> int:
    """Return how many queries a scenario has at least.

    A server that is asked for a rate has those that arrive in its time.
    """
    least = asked.min_queries or 1
    if asked.target_qps is None:
        return least
    arriving = int((asked.min_duration_s or 0.0) * asked.target_qps * 1.1) + least
    return min(arriving, QUERIES_MAX)


def expected(asked: Asked, first: Query) -> int:
    """Return how many queries it will be, about, when all are like the first."""
    count = wanted_queries(asked)
    if asked.target_qps is None:
        busy_s = (first.host_us if asked.engine_loadgen else sum(first.device_us)) * 1e-6
        count = max(
            count, min(QUERIES_MAX, math.ceil((asked.min_duration_s or 0.0) / max(busy_s, 1e-6)))
        )
    return count + 4 * AUDITED * asked.audits


def _audits(
    numbers: Sequence[int], count: int, seed: int
) -> Iterator[tuple[Kind, int, int | None]]:
    """Yield the queries of the audits: which one, the number of the input, a seed to turn its bits.

    One input again and again; the first ones of the set, which a cheat may know; inputs that were
    never seen; and inputs that were asked before (`numbers`), in another order.
    """
    draw = random.Random(seed)  # noqa: S311 - chooses inputs, no secret
    one = draw.choice(numbers)
    for _ in range(AUDITED):
        yield "repeated", one, None
    for at in range(AUDITED):
        yield "known", at % min(KNOWN, count), None
    for _ in range(AUDITED):
        yield "unseen", draw.choice(numbers), draw.getrandbits(32)
    for number in draw.sample(numbers, min(AUDITED, len(numbers))):
        yield "answer", number, None


def _ask(
    dut: Dut,
    read: Callable[[int], bytes],
    numbers: Sequence[int],
    check: Callable[[str], None],
    kind: Kind = "query",
    turned: int | None = None,
) -> Query:
    """Ask one query: each of its inputs once."""
    device_us, results = [], []
    inputs = [read(number) for number in numbers]
    if turned is not None:
        inputs = [_unseen(data, turned) for data in inputs]
    began = time.perf_counter_ns()
    for data in inputs:
        inference = dut.infer(data, 1, 0)
        device_us.append(inference.elapsed_us)
        results.append(inference.results)
    host_us = (time.perf_counter_ns() - began) // 1000
    for text in results:
        check(text)
    return Query(list(numbers), device_us, host_us, results, kind)


def _unseen(data: bytes, seed: int) -> bytes:
    """Return an input with the lowest bit of a few of its bytes turned."""
    found, draw = bytearray(data), random.Random(seed)  # noqa: S311 - chooses bytes, no secret
    for at in draw.sample(range(len(found)), min(FLIPPED_B, len(found))):
        found[at] ^= 1
    return bytes(found)
