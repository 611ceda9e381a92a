"""Hold the estimate of cycles against published measurements of firmware that can be built here.

    python -m tests.bench.validation [--engine-source TREE] [--engine NAME] [--task TASK]

TREE is one of TensorFlow Lite Micro with its downloads, or TINYBENCH_TFLM names it. The published
firmware is microTVM's of 2022, which calls CMSIS-NN's kernels for nearly all of its layers; the one
that is modelled calls those of TREE, another version, from TensorFlow Lite Micro. So a difference
is that of the model and that of two firmwares together.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from tinybench.runner.build.board import Board, load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.task import load_task
from tinybench.runner.cycles.calibration import Calibration, narrowed
from tinybench.runner.cycles.core import Range
from tinybench.runner.cycles.estimate import estimate, of_board
from tinybench.runner.measure.arena import built_engine
from tinybench.runner.measure.calibrate import UNSURE
from tinybench.runner.results.cycles import Cycles
from tinybench.track import silent

ENGINE = "tflm-cmsis-nn"


class Published(NamedTuple):
    """Measured latencies of one system in the closed division of MLPerf Tiny."""

    who: str
    board: str
    """On which the same core is emulated, with memory enough."""
    memory: str
    """Its flash, as its submitter says."""
    clock_hz: float
    latency_ms: dict[str, float]


PUBLISHED = (
    Published(
        "v1.0 OctoML, microTVM with CMSIS-NN, NUCLEO-L4R5ZI",
        "mps2-an386",
        "art-stm32l4plus-dual-bank",
        120e6,
        {"kws": 99.81, "vww": 301.205, "ic": 389.56, "ad": 8.605},
    ),
    Published(
        "v1.1 Krai, microTVM with CMSIS-NN, nRF5340-DK",
        "mps2-an505",
        "cache-nrf5340",
        128e6,
        {"kws": 76.488, "vww": 233.318, "ic": 317.864, "ad": 6.289},
    ),
)
"""Ref: github.com/mlcommons/tiny_results_v1.0 and v1.1, results.txt of each performance run."""


class Compared(NamedTuple):
    """One task of one system."""

    published: Published
    task: str
    cycles: Cycles
    calibrated: Range | None
    """The same, once the system's first task is known; None of that itself."""

    @property
    def measured(self) -> float:
        """Cycles of an inference, as published."""
        return self.published.latency_ms[self.task] * 1e-3 * self.published.clock_hz

    @property
    def error(self) -> float:
        """How far the estimate is from the measurement, as a share of it."""
        return self.cycles.usual / self.measured - 1


def compared(
    engine_name: str,
    source: Path | None,
    tasks: Sequence[str] | None,
    boards: Sequence[str] | None,
) -> Iterator[Compared]:
    """Yield each task of each published system."""
    for published in PUBLISHED:
        if boards and published.board not in boards:
            continue
        emulated = load_board(published.board, emulate=True)
        assert emulated.cycles is not None
        there = replace(emulated.cycles, memory=published.memory)
        emulated = replace(emulated, cycles=there, clock_hz=round(published.clock_hz))
        known: Calibration | None = None
        for name in published.latency_ms:
            if tasks and name not in tasks:
                continue
            task = load_task(name)
            inputs = resolve(task)
            engine = built_engine(engine_name, source, emulated, task, inputs.model, silent, print)
            image = build(emulated, task, engine)
            data = inputs.samples.samples[0].windows()[0]
            found = estimate(emulated, image, data, calibrated=False)
            if known is None:
                yield (one := Compared(published, name, found.whole, None))
                known = calibration(one, emulated, found.amounts)
                continue
            prices = of_board(emulated, calibrated=False).widened()
            narrow, _ = narrowed(known, prices, found.amounts)
            yield Compared(published, name, found.whole, narrow)


def calibration(one: Compared, board: Board, amounts: dict[str, int]) -> Calibration:
    """Return what a published measurement says of a board."""
    return Calibration(
        board=board.name,
        core=one.cycles.core,
        memory=one.cycles.memory,
        clock_hz=board.clock_hz,
        wait_states=one.cycles.wait_states,
        task=one.task,
        cycles=one.measured,
        uncertainty=UNSURE,
        source=one.published.who,
        amounts=amounts,
    )


def main(words: Sequence[str] | None = None) -> int:
    """Print a line a task; status 1 where a measurement lies outside of the bounds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--engine", default=ENGINE)
    parser.add_argument("--engine-source", type=Path)
    parser.add_argument("--task", action="append")
    parser.add_argument("--board", action="append", choices=[one.board for one in PUBLISHED])
    said = parser.parse_args(words)
    outside = 0
    for one in compared(said.engine, said.engine_source, said.task, said.board):
        found = one.cycles
        within = found.low <= one.measured <= found.high
        outside += not within
        narrow = one.calibrated
        print(
            f"{one.published.who}, {one.task}: measured {one.measured:,.0f} cycles, estimated "
            f"{found.usual:,} ({found.low:,} to {found.high:,}), {one.error:+.1%}, "
            + ("within its bounds" if within else "OUTSIDE of its bounds")
            + (
                f"; by the first task {narrow.usual:,.0f} ({narrow.low:,.0f} to "
                f"{narrow.high:,.0f}), {narrow.usual / one.measured - 1:+.1%}"
                if narrow
                else ""
            ),
            flush=True,
        )
    print(f"cycles.measured_outside {outside}")
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main())
