"""What was measured, looked for in the transcripts: everything was said on the line."""

import contextlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec.structs import replace

from tinybench.errors import RunFolderError
from tinybench.transport.transcript import transcripts

from ...results import clock
from ...results.journal import noted, read
from ...results.result import Answer, Energy, Result, Window
from ...results.scenario import Query
from ...results.stream import Streamed
from ...results.transcript import Inferred, inferred, introduced
from ..rule import Ruling
from .clauses import AGAIN, EDITED, TRANSCRIPT, some

Claim = tuple[str, Inferred]
"""An inference that was measured, and what it is called."""


SECOND = ("host_s", "host_uncertainty_s", "counted_s", "counted_uncertainty_s")
"""Fields of a window that its transcript gives."""


def rulings(result: Result, folder: Path) -> Iterator[Ruling]:
    """Judge that everything in the result was said on the line."""
    wanted = "every answer and window as it was said on the line"
    try:
        heard = said(folder)
    except RunFolderError as error:
        yield TRANSCRIPT.broken(wanted, str(error), AGAIN)
        return
    if not transcripts(folder):
        why = "there is no transcript"
        if result.provenance is None:
            yield TRANSCRIPT.not_judged(wanted, why)
        else:
            yield TRANSCRIPT.broken(wanted, why, AGAIN)
        return
    lacking = [
        *unsaid([*claimed(result), *_asked(folder)], heard),
        *_otherwise_timed(result, folder),
        *_otherwise_named(result, folder),
    ]
    found = f"not said on the line: {some(lacking)}" if lacking else "all of them were said"
    yield TRANSCRIPT.judged(not lacking, wanted, found, EDITED)


def _asked(folder: Path) -> Iterator[Claim]:
    """Yield the inferences of queries and of a stream, which the journal holds whole."""
    with contextlib.suppress(RunFolderError):  # said by the rule on the journal
        known = noted(read(folder)[1])
        for query in known.queries:
            yield from of_query(query)
        if known.stream is not None:
            yield from of_stream(known.stream)


def _otherwise_timed(result: Result, folder: Path) -> Iterator[str]:
    """Yield what the second clock says otherwise in the transcripts than in the result."""
    heard = clock.heard(folder, emulated=result.emulated)
    if heard.clocks != result.clocks:
        yield "the clock"
    windows = result.performance.windows if result.performance else []
    bare = [replace(window, **dict.fromkeys(SECOND)) for window in windows]
    for number, (one, other) in enumerate(zip(windows, heard.beside(bare), strict=True), 1):
        if any(getattr(one, name) != getattr(other, name) for name in SECOND):
            yield f"the second clock's time of window {number}"


def _otherwise_named(result: Result, folder: Path) -> Iterator[str]:
    """Yield what the DUT never said of itself: its name, and what it can do."""
    heard = [introduced(path) for path in transcripts(folder)]
    names, caps = (set().union(*each) for each in zip(*heard, strict=True))
    if result.dut and result.dut not in names:
        yield f"the DUT's name {result.dut}"
    with contextlib.suppress(RunFolderError):  # said by the rule on the journal
        for told in noted(read(folder)[1]).duts:
            can = told.removeprefix(f"{result.dut} {result.model_id}").strip()
            if can not in caps and (can or caps):
                yield f"what the DUT can do: {can or 'nothing'}"


def said(folder: Path) -> Counter[Inferred]:
    """Return what was said on all lines of a run. Raises RunFolderError."""
    found: Counter[Inferred] = Counter()
    for path in transcripts(folder):
        found.update(inferred(path))
    return found


def unsaid(claims: Iterable[Claim], heard: Counter[Inferred]) -> list[str]:
    """Return the names of those that were not heard; takes what was heard away, each once."""
    lacking: dict[str, None] = {}
    for name, one in claims:
        if heard[one] < 1:
            lacking[name] = None
        heard[one] -= 1
    return list(lacking)


def claimed(result: Result) -> Iterator[Claim]:
    """Yield each inference that the result holds, with its name."""
    for answer in result.accuracy.answers if result.accuracy else []:
        yield from of_answer(answer)
    for number, window in enumerate(result.performance.windows if result.performance else [], 1):
        yield from of_window(number, window)
    if result.energy is not None:
        yield from of_energy(result.energy)


def of_answer(answer: Answer) -> Iterator[Claim]:
    """Yield the inferences of an answer."""
    values = answer.results.split(",")
    each = len(values) // max(1, len(answer.elapsed_us))
    for number, us in enumerate(answer.elapsed_us):
        part = ",".join(values[number * each : (number + 1) * each])
        yield f"answer to {answer.input}", (1, us, part)


def of_window(number: int, window: Window) -> Iterator[Claim]:
    """Yield what a window of the performance mode was, the first having number 1."""
    yield f"window {number}", (window.iterations, window.elapsed_us, window.results)
    if window.single_us is not None:
        single = (1, window.single_us, window.single_results or "")
        yield f"single inference before window {number}", single


def of_query(query: Query) -> Iterator[Claim]:
    """Yield the inferences of a query."""
    for number, us, results in zip(query.samples, query.device_us, query.results, strict=True):
        yield f"query of input {number}", (1, us, results)


def of_stream(stream: Streamed) -> Iterator[Claim]:
    """Yield the inferences of a stream."""
    frames = zip(stream.device_us, stream.results, strict=False)
    for number, (us, results) in enumerate(frames):
        yield f"frame {number}", (1, us, results)


def of_energy(energy: Energy) -> Iterator[Claim]:
    """Yield what the windows of the energy mode were."""
    for number, window in enumerate(energy.windows, start=1):
        us = (window.dut_s or 0.0) * 1e6
        us = round(us) if math.isfinite(us) else -1
        yield f"energy window {number}", (window.iterations, us, window.results)
