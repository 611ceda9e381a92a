"""Performance mode, on a DUT whose speed changes under it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tinybench.datasets.reader import Sample
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.inference import Inference
from tinybench.runner.measure import modes


@dataclass
class Hurrying:
    """A DUT that needs for each window a quarter less time an inference than for the last."""

    each_us: float = 20_000
    fastest_us: float = 5_000

    def infer(self, data: bytes, iterations: int, warmup: int) -> Inference:
        """Answer as the client does."""
        assert len(data) == 16
        assert warmup >= 0
        took_us = round(self.each_us * iterations)
        if iterations > 1:
            self.each_us = max(self.fastest_us, self.each_us * 0.75)
        return Inference(iterations, took_us, "0.5,0.5")


def _samples(number: int, folder: Path) -> list[Sample]:
    data = bytes(16)
    (folder / "zeros.bin").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    return [
        Sample(f"{which}.bin", 0, 16, 16, 16, digest, folder / "zeros.bin")
        for which in range(number)
    ]


def test_windows_of_a_dut_that_hurries_are_long_enough(tmp_path: Path) -> None:
    """A busy host becomes free: each calibration is outrun, and no window stays short."""
    dut = cast(Dut, Hurrying())
    length = modes.WindowLength(min_s=2)
    windows = list(modes.performance(dut, _samples(5, tmp_path), 2, length))
    assert min(window.elapsed_us for window in windows) >= 2_000_000


def test_a_steady_dut_is_given_two_percent_more_than_the_rules_ask_for(tmp_path: Path) -> None:
    """Nothing is timed again, and no time is spent on a margin that it does not need."""
    dut = cast(Dut, Hurrying(each_us=5_000))
    windows = list(modes.performance(dut, _samples(2, tmp_path), 2, modes.WindowLength(min_s=10)))
    assert {window.iterations for window in windows} == {2040}


@dataclass
class Mute:
    """A DUT that has results for every other input, and none after several inferences."""

    asked: int = 0

    def infer(
        self, data: bytes, iterations: int, warmup: int, then: bytes | None = None
    ) -> Inference:
        """Answer as the client does."""
        assert len(data) == len(then or data) == 16
        assert warmup >= 0
        self.asked += 1
        results = "0.5,0.5" if self.asked % 2 and iterations == 1 else ""
        return Inference(iterations, 400_000 * iterations, results)


def test_an_input_without_an_answer_is_kept_with_its_time(tmp_path: Path) -> None:
    """It is no fault of the line: the run goes on, and a window's time counts."""
    dut = cast(Dut, Mute())
    answers = list(modes.accuracy(dut, _samples(4, tmp_path), 2))
    assert [answer.results for answer in answers] == ["0.5,0.5", "", "0.5,0.5", ""]
    assert [answer.elapsed_us for answer in answers] == [[400_000]] * 4
    windows = list(modes.performance(dut, _samples(3, tmp_path), 2, modes.WindowLength(min_s=2)))
    assert all(window.elapsed_us >= 2_000_000 for window in windows)
    assert {window.results for window in windows} == {""}
