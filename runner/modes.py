"""The measuring modes: each yields what it has measured as it goes, and judges nothing."""

import math
import time
from collections.abc import Iterator, Sequence

from ..datasets.reader import Sample
from .dut import Dut, Inference, parse_results
from .errors import ProtocolError
from .result import Answer, Window

WARMUP = 1
"""Untimed inferences before each timed window."""
FIRST_TIMEOUT_S = 120.0
"""Bound on an inference of unknown length: the slowest published one took 14 s."""
CALIBRATION_US = 200_000
"""A calibration shorter than this is repeated with more inferences."""
MARGIN = 1.02
"""Iterations are chosen for a window this much longer than the rules ask for."""
RETIMED = 2
"""A window that came out short is timed again with more iterations, so many times at most."""


def accuracy(dut: Dut, samples: Sequence[Sample], result_count: int) -> Iterator[Answer]:
    """Upload and infer each window of each sample once; yield the sample's answer.

    Raises ProtocolError when a result has not `result_count` values.
    """
    for sample in samples:
        results, elapsed_us = [], []
        for window in sample.windows():
            dut.load(window)
            inference = dut.infer(1, 0, FIRST_TIMEOUT_S)
            _check_count(inference.results, result_count)
            results.append(inference.results)
            elapsed_us.append(inference.elapsed_us)
        yield Answer(sample.name, sample.label, ",".join(results), elapsed_us)


def performance(
    dut: Dut, samples: Sequence[Sample], result_count: int, window_min_s: float
) -> Iterator[Window]:
    """Time one window on each sample, of a sample with several inputs on the first; yield it.

    The iterations are calibrated on the first sample so that a window lasts `window_min_s` on the
    DUT's clock. Ref: energyrunner README, performance mode.
    """
    iterations = 0
    timeout_s = FIRST_TIMEOUT_S
    for sample in samples:
        dut.load(sample.windows()[0])
        if iterations == 0:
            iterations, timeout_s = _calibrate(dut, window_min_s)
        inference = _timed(dut, iterations, timeout_s, result_count)
        for _ in range(RETIMED):
            if inference.elapsed_us >= window_min_s * 1e6:
                break
            # The DUT is faster now than while it was calibrated, as a busy host may be.
            iterations = _iterations(iterations, inference.elapsed_us, window_min_s)
            inference = _timed(dut, iterations, timeout_s, result_count)
        yield Window(
            sample.name, inference.iterations, WARMUP, inference.elapsed_us, inference.results
        )


def _timed(dut: Dut, iterations: int, timeout_s: float, result_count: int) -> Inference:
    """Time one window. Raises ProtocolError for a wrong count of values, or a clock that stands."""
    inference = dut.infer(iterations, WARMUP, timeout_s)
    _check_count(inference.results, result_count)
    if inference.elapsed_us == 0:
        raise ProtocolError(
            f"{iterations} inferences took 0 us by the DUT's clock: it stands still"
        )
    return inference


def _calibrate(dut: Dut, window_min_s: float) -> tuple[int, float]:
    """Return the iterations of a window, and how long the runner waits for it, in host seconds."""
    iterations = 1
    while True:
        start_s = time.monotonic()
        elapsed_us = dut.infer(iterations, WARMUP, FIRST_TIMEOUT_S).elapsed_us
        took_s = time.monotonic() - start_s
        if elapsed_us >= CALIBRATION_US or took_s > 10:
            break
        iterations *= 4
    if elapsed_us == 0:
        raise ProtocolError(
            f"{iterations} inferences took 0 us by the DUT's clock, {took_s:.0f} s by the host's"
        )
    window = _iterations(iterations, elapsed_us, window_min_s)
    return window, 30 + 5 * took_s * (window + WARMUP) / (iterations + WARMUP)


def _iterations(iterations: int, elapsed_us: int, window_min_s: float) -> int:
    """Return how many iterations last `window_min_s` and a margin, by a timed number of them."""
    return math.ceil(window_min_s * MARGIN * 1e6 * iterations / elapsed_us)


def _check_count(results: str, wanted: int) -> None:
    count = len(parse_results(results))
    if count != wanted:
        raise ProtocolError(f"the DUT answered {count} values, where the task has {wanted}")
