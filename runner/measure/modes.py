"""The measuring modes: each yields what it has measured as it goes, and judges nothing."""

import math
import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tinybench.datasets.reader import Sample
from tinybench.errors import ProtocolError

from ..dut.client import Dut
from ..dut.inference import Inference, answered
from ..results.defaults import WARMUP
from ..results.result import Answer, Window

T = TypeVar("T")

CALIBRATION_US = 200_000
"""A calibration shorter than this is repeated with more inferences."""
CALIBRATION_MAX = 4**10
"""... but never with more than this, ..."""
SEEN_US, ITERATIONS_MAX = 1000, 4**15
"""... or than this where the clock has moved so far: what takes nanoseconds is inferred more."""
MARGIN = 1.02
"""Iterations are chosen for a window this much longer than the rules ask for."""
STREAMS = 3
"""Attempts at a stream of inputs that nothing disturbs."""
RETIMED = (1.25, 1.5, 2.0)
"""A window that came out short is timed again, with these margins in turn: a DUT that outran its
calibration, as a host process beside other work does, may outrun the next one, too."""


@dataclass(frozen=True)
class WindowLength:
    """How long a timed window is to be."""

    min_s: float
    min_iterations: int = 1
    """Inferences of a window at least ..."""
    max_s: float | None = None
    """... unless it lasts so long."""

    def iterations(self, timed: int, elapsed_s: float, margin: float = MARGIN) -> int:
        """Return how many inferences make a window and a margin, when `timed` took `elapsed_s`."""
        each_s = elapsed_s / timed
        enough = math.ceil(self.min_s * margin / each_s)
        wanted = self.min_iterations
        if self.max_s is not None:
            wanted = min(wanted, math.ceil(self.max_s * margin / each_s))
        return max(1, enough, wanted)


def accuracy(dut: Dut, samples: Iterable[Sample], result_count: int) -> Iterator[Answer]:
    """Upload and infer each window of each sample once; yield the sample's answer.

    Raises ProtocolError when a result has not `result_count` values.
    """
    for (sample, windows), after in _with_next((one, one.windows()) for one in samples):
        results, elapsed_us = [], []
        upcoming = after[1][0] if after is not None else None
        for window, then in zip(windows, [*windows[1:], upcoming], strict=True):
            inference = dut.infer(window, 1, 0, then)
            check_count(inference.results, result_count)
            results.append(inference.results)
            elapsed_us.append(inference.elapsed_us)
        yield Answer(
            sample.name, sample.label, ",".join(results), elapsed_us, list(sample.expected)
        )


def _with_next(items: Iterable[T]) -> Iterator[tuple[T, T | None]]:
    """Yield each item with the one after it; the last with None."""
    before: list[T] = []
    for item in items:
        if before:
            yield before.pop(), item
        before.append(item)
    if before:
        yield before.pop(), None


def stream(dut: Dut, samples: Sequence[Sample], result_count: int) -> list[Answer]:
    """Do `accuracy` with the model's state kept from each inference to the next.

    Whatever was done again on a doubt, or a DUT that was started anew, has changed the state: the
    stream then begins again. Raises ProtocolError when none comes through; the state is put back
    at the end.
    """
    for _ in range(STREAMS):
        dut.keep_state(True)
        before = disturbed(dut)
        answers = list(accuracy(dut, samples, result_count))
        if disturbed(dut) == before:
            dut.keep_state(False)
            return answers
    raise ProtocolError(
        f"{STREAMS} streams of {len(samples)} inputs, and in each something was sent again: the "
        "state is not that of a stream any more. Look at the line with: tinybench link"
    )


def disturbed(dut: Dut) -> tuple[int, ...]:
    """Return how often something was done again on a doubt; as often as before: nothing was."""
    return dut.tally.retries, dut.tally.restarts, dut.tally.reopened


def shared_accuracy(
    duts: Sequence[Dut], samples: Sequence[Sample], result_count: int
) -> Iterator[Answer]:
    """Do `accuracy` on several equal DUTs, each of which takes the next sample when it is free.

    Yields the answers as they come. Raises what `accuracy` on any of them raises; what the others
    still measure is then lost.
    """
    if len(duts) == 1:
        yield from accuracy(duts[0], samples, result_count)
        return
    left = deque(samples)
    found: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()

    def work(dut: Dut) -> None:
        try:
            for answer in accuracy(dut, _taken(left), result_count):
                found.put(answer)
        except BaseException as error:
            found.put(error)

    for dut in duts:
        threading.Thread(target=work, args=(dut,), daemon=True).start()
    try:
        for _ in samples:
            answer = found.get()
            if isinstance(answer, BaseException):
                raise answer
            yield answer
    finally:
        left.clear()


def _taken(left: deque[Sample]) -> Iterator[Sample]:
    """Yield what is left, to whoever asks first."""
    while True:
        try:
            yield left.popleft()
        except IndexError:
            return


def performance(
    dut: Dut,
    samples: Sequence[Sample],
    result_count: int,
    length: WindowLength,
    iterations: int | None = None,
) -> Iterator[Window]:
    """Time one window on each sample, of a sample with several inputs on the first; yield it.

    Before it the sample is inferred once by itself: what a window repeats must cost and give the
    same.

    Unless given, the iterations are calibrated on the first sample so that a window is of that
    `length` on the DUT's clock. Ref: energyrunner README, performance mode.
    """
    for sample in samples:
        data = sample.windows()[0]
        single = dut.infer(data, 1, 0)
        if iterations is None:
            iterations = _calibrate(dut, data, length)
        inference = _timed(dut, data, iterations, result_count)
        for margin in RETIMED:
            if inference.elapsed_us >= length.min_s * 1e6:
                break
            iterations = length.iterations(iterations, inference.elapsed_us * 1e-6, margin)
            inference = _timed(dut, data, iterations, result_count)
        yield Window(
            sample.name,
            inference.iterations,
            WARMUP,
            inference.elapsed_us,
            inference.results,
            single_us=single.elapsed_us,
            single_results=single.results,
        )


def _timed(dut: Dut, data: bytes, iterations: int, result_count: int) -> Inference:
    """Time one window. Raises ProtocolError for a wrong count of values, or a clock that stands."""
    inference = dut.infer(data, iterations, WARMUP)
    check_count(inference.results, result_count)
    if inference.elapsed_us == 0:
        raise ProtocolError(
            f"{iterations} inference{'s' * (iterations > 1)} took 0 us by the DUT's clock: it "
            "stands still, or they are too few for it to tell (without --iterations they are "
            "calibrated), or this is the energy build, which has none"
        )
    return inference


def _calibrate(dut: Dut, data: bytes, length: WindowLength) -> int:
    """Return how many iterations make a window."""
    iterations = 1
    while (elapsed_us := dut.infer(data, iterations, WARMUP).elapsed_us) < CALIBRATION_US:
        iterations *= 4
        if iterations > (CALIBRATION_MAX if elapsed_us < SEEN_US else ITERATIONS_MAX):
            raise ProtocolError(
                f"{iterations // 4} inferences took {elapsed_us} us by the DUT's clock: it "
                "stands still"
            )
    return length.iterations(iterations, elapsed_us * 1e-6)


def check_count(results: str, wanted: int) -> None:
    """Raise ProtocolError for another count of values; none at all is no answer, which counts."""
    count = len(answered(results))
    if count not in (0, wanted):
        raise ProtocolError(f"the DUT answered {count} values, where the task has {wanted}")
