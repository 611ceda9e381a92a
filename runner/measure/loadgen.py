"""The genuine LoadGen as the engine of a scenario: it says which input is next, and when to stop.

Its clock is this computer's, so its times contain the line; each inference is timed by the DUT all
the same. Ref: mlcommons/inference, loadgen/test_settings.h.
"""

import importlib.util
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from tinybench import extras
from tinybench.errors import ProtocolError, ToolMissingError, TransportError
from tinybench.transport.process import ProcessTransport

from ..results.scenario import Asked, Query

PACKAGE = "mlperf_loadgen"
CHILD = "tinybench.runner.measure.loadgen_child"
NAMES = {
    "single-stream": "SingleStream", "multi-stream": "MultiStream", "server": "Server",
    "offline": "Offline",
}  # fmt: skip
WARMUPS = 3
"""Queries before the test, by which LoadGen is told what to expect."""
HINT = 0.5
"""... as a share of the fastest: LoadGen makes as many queries as then last twice as long, and has
none left when the hint was too high."""
SILENT_S = 120.0
"""The longest that LoadGen may take to ask: it draws all its queries first."""
GAPS = 40.0
"""... and so many mean gaps between arrivals, at a server: as good as never exceeded."""
LINE_MAX_B = 64 << 10
WHEELS = (
    "; it has wheels for Linux on x86-64, macOS on Arm and Windows, elsewhere pip needs a C++ "
    "compiler; without it leave --engine-loadgen out: the order of the inputs is the same"
)

Ask = Callable[[Sequence[int]], Query]
"""Asks one query: each of these inputs once."""


def insist_installed() -> None:
    """Raise ToolMissingError where LoadGen is not installed."""
    if importlib.util.find_spec(PACKAGE) is None:
        raise ToolMissingError(
            extras.missing("--engine-loadgen", "mlcommons-loadgen", "loadgen") + WHEELS
        )


def queries(asked: Asked, count: int, ask: Ask, folder: Path) -> Iterator[Query]:
    """Let LoadGen test a set of `count` inputs; yield each query; its logs are left in `folder`.

    Raises what `ask` does, TransportError when LoadGen's process ends or says nothing any more,
    ProtocolError for what is no query of its.
    """
    insist_installed()
    first = [ask([number % count for number in range(asked.samples)]) for _ in range(WARMUPS)]
    hint_s = HINT * max(1e-6, min(query.host_us for query in first) * 1e-6)
    told = {
        "scenario": NAMES[asked.name],
        "settings": settings(asked, hint_s),
        "count": count,
        "folder": str(folder),
    }
    silent_s = SILENT_S + (GAPS / asked.target_qps if asked.target_qps else 0.0)
    with closing(ProcessTransport([sys.executable, "-P", "-m", CHILD])) as line:
        _tell(line, json.dumps(told).encode())
        for numbers in _asked(line, count, silent_s):
            query = ask(numbers)
            _tell(line, b"done")
            yield query


def settings(asked: Asked, hint_s: float) -> dict[str, int | float]:
    """Return LoadGen's settings; `hint_s`: how long a query is expected to take."""
    hint_ns = max(1, round(hint_s * 1e9))
    seeds = ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed")
    return {
        **dict.fromkeys(seeds, asked.seed),
        "min_query_count": asked.min_queries or 1,
        "min_duration_ms": math.ceil((asked.min_duration_s or 0.0) * 1000),
        "single_stream_expected_latency_ns": hint_ns,
        "single_stream_target_latency_percentile": asked.share,
        "multi_stream_expected_latency_ns": hint_ns,
        "multi_stream_target_latency_percentile": asked.share,
        "multi_stream_samples_per_query": asked.streams,
        "server_target_qps": asked.target_qps or 1.0,
        "server_target_latency_ns": round((asked.deadline_s or 1.0) * 1e9),
        "server_target_latency_percentile": asked.share,
        "offline_expected_qps": HINT / hint_s,  # it asks for as many as these, no more nor less
    }


def _asked(line: ProcessTransport, count: int, silent_s: float) -> Iterator[list[int]]:
    """Yield the inputs of each query, until LoadGen says that this was the last."""
    held = b""
    while True:
        while b"\n" not in held:
            held += _more(line, silent_s)
            if len(held) > LINE_MAX_B:
                raise ProtocolError(f"LoadGen asks for what is no query: {held[:60]!r}...")
        word, _, held = held.partition(b"\n")
        if word == b"end":
            return
        numbers = [int(part) if part.isdigit() else -1 for part in word.split()]
        if not numbers or not all(0 <= number < count for number in numbers):
            raise ProtocolError(f"LoadGen asks for what is no query of {count} inputs: {word!r}")
        yield numbers


def _more(line: ProcessTransport, silent_s: float) -> bytes:
    try:
        found = line.read(silent_s)
    except TransportError as error:
        raise _ended(error) from error
    if not found:
        raise TransportError(
            f"LoadGen asked for nothing for {silent_s:.0f} s; run it again, or without "
            "--engine-loadgen"
        )
    return found


def _tell(line: ProcessTransport, words: bytes) -> None:
    try:
        line.write(words + b"\n")
    except TransportError as error:
        raise _ended(error) from error


def _ended(error: TransportError) -> TransportError:
    return TransportError(
        f"LoadGen's own process ended in the middle of its test: {error}; what was answered until "
        "then is in the run folder, with its logs; run it again, or without --engine-loadgen"
    )
