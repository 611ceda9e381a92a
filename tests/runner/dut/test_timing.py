"""A DUT whose inferences take other times each time: data checks go on, and so does the run."""

import itertools
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.line import FaultyLine
from tinybench.errors import ProtocolError
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.line import Patience, Tally
from tinybench.transport.process import ProcessTransport

INPUTS = [bytes([number]) * 490 for number in range(40)]
USUAL_US = 50_000


class Clock:
    """What a line makes of all time stamps: each inference lasts as long as `time_us` says."""

    def __init__(self, line: FaultyLine, time_us: Callable[[bool], int]) -> None:
        """`time_us` is told whether it is the first inference since an upload."""
        self._time_us = time_us
        self._now_us = 0
        self._stamps = 0
        self._fresh = False
        line.to_host, line.to_dut = self._stamped, self._noted

    def _noted(self, data: bytes) -> bytes:
        self._fresh = self._fresh or b"db load" in data
        return data

    def _stamped(self, data: bytes) -> bytes:
        return re.sub(rb"m-lap-us-[0-9]+", self._next, data)

    def _next(self, _match: re.Match[bytes]) -> bytes:
        # Of four stamps, before, start, end and after, the third ends an inference.
        self._now_us += 20
        if self._stamps % 4 == 2:
            self._now_us += self._time_us(self._fresh)
            self._fresh = False
        self._stamps += 1
        return b"m-lap-us-%d" % self._now_us


@pytest.fixture
def line(core: Path) -> Iterator[FaultyLine]:
    """The core, and what a test makes of its time."""
    faulty = FaultyLine(ProcessTransport([str(core)]))
    yield faulty
    faulty.close()


def _dut(line: FaultyLine, time_us: Callable[[bool], int]) -> Dut:
    dut = Dut(line, fast=False, patience=Patience(tries=2))
    dut.handshake()
    Clock(line, time_us)
    return dut


def test_a_slow_first_inference_is_the_warm_up(line: FaultyLine) -> None:
    """The first of all takes twenty times as long; nothing is done again for it."""
    times = itertools.chain([20 * USUAL_US], itertools.repeat(USUAL_US))
    dut = _dut(line, lambda _: next(times))
    found = [dut.infer(data, 1, 0).elapsed_us for data in INPUTS[:3]]
    assert found == [USUAL_US + 20] * 3
    assert dut.tally == Tally()


@pytest.mark.parametrize("seed", range(3))
def test_a_dut_that_jitters_is_measured(line: FaultyLine, seed: int) -> None:
    """Ten per cent more or less each time: every input is answered, and no doubt is counted."""
    chance = random.Random(seed)  # noqa: S311 - test data
    dut = _dut(line, lambda _: round(USUAL_US * chance.uniform(0.9, 1.1)))
    found = [dut.infer(data, 1, 0) for data in INPUTS]
    assert dut.tally == Tally()
    assert all(abs(one.elapsed_us - USUAL_US) < 0.11 * USUAL_US for one in found)
    assert len({one.elapsed_us for one in found}) > len(INPUTS) // 2


def test_times_that_say_nothing_are_refused(line: FaultyLine) -> None:
    """Twice as long each time."""
    times = (USUAL_US * 2**number for number in itertools.count())
    dut = _dut(line, lambda _: next(times) % (1 << 22))
    with pytest.raises(ProtocolError, match="another time each time"):
        dut.infer(INPUTS[0], 1, 0)


def test_a_dut_that_is_faster_on_a_known_input_gains_nothing(line: FaultyLine) -> None:
    """What counts is the first inference after an upload."""
    dut = _dut(line, lambda fresh: USUAL_US if fresh else USUAL_US // 3)
    found = [dut.infer(data, 1, 0).elapsed_us for data in INPUTS[:4]]
    assert found == [USUAL_US + 20] * 4
