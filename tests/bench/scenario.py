"""What a scenario costs beside the inferences; whether its audits tell cheats from honest DUTs."""

import itertools
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import msgspec

from tests.bench.figures import Figure
from tests.runner.measure.test_scenario import CHEATS, COUNT, Device, audited, broken, inputs
from tests.runner.results.a_result import good_result
from tinybench.models.declaration import package_folder
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.task import load_task
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.inference import Inference
from tinybench.runner.measure.scenario import queries
from tinybench.runner.results.journal import Entry, Journal, create
from tinybench.runner.results.scenario import Asked, Query
from tinybench.runner.results.scenario.queries import Queries
from tinybench.runner.results.scenario.score import score
from tinybench.runner.rules import load_profile
from tinybench.runner.rules.scenario import rulings
from tinybench.runner.session.known import Known
from tinybench.transport.process import ProcessTransport

BOARD = "mps2-an386"
ASKED = 1500
MANY, FEW = 1_000_000, 100_000
TRIALS = 1000
SET = 300


def figures() -> list[Figure]:
    """Measure the loop on an emulated board, then a million scripted queries, then the audits."""
    return [_overhead(), *_judged(), *_audits()]


class _Timed:
    """A DUT, with the time of this process that each inference took."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut
        self.spent_s = 0.0

    def infer(self, *asked: Any) -> Inference:
        began_s = time.process_time()
        try:
            return self._dut.infer(*asked)
        finally:
            self.spent_s += time.process_time() - began_s


def _overhead() -> Figure:
    """Time each query from end to end, its place in the journal included, less the inference."""
    board, task = load_board(BOARD), load_task("kws")
    image = build(board, task, package_folder() / "embedded" / "kws01.tflite")
    samples = resolve(task).samples.samples
    asked = Asked(name="single-stream", min_queries=ASKED, min_duration_s=0.0)
    spent_us: list[float] = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        closing(ProcessTransport(board.command(image.elf))) as line,
    ):
        create(Path(scratch))
        with Journal(Path(scratch)) as journal:
            dut = Dut(line)
            dut.handshake()
            timed, known = _Timed(dut), Known(journal, [], None)
            asking = queries(cast(Dut, timed), samples, task.result_count, asked, [])
            began_s = time.process_time()
            for query in asking:
                known.add(Entry(query=query))
                now_s = time.process_time()
                spent_us.append((now_s - began_s - timed.spent_s) * 1e6)
                began_s, timed.spent_s = now_s, 0.0
    where = f"{BOARD}, kws: input, order, journal; own time, median of {ASKED}"
    return Figure("scenario.overhead_us", statistics.median(spent_us), "us", 60, where)


def _scripted(count: int) -> Iterator[Query]:
    asked = Asked(name="single-stream")
    for number, numbers in enumerate(itertools.islice(asked.order(SET), count)):
        us = 1000 + number * 7919 % 1000
        yield Query(numbers, [us], us + 500, [f"0.{numbers[0]:03d},0.5"])


def _judged() -> list[Figure]:
    """Score and judge a million queries; hold as many in memory."""
    asked = Asked(name="single-stream", min_queries=64, min_duration_s=0.0)
    tracemalloc.start()
    few = Queries(_scripted(FEW))
    held_b = tracemalloc.get_traced_memory()[0] / len(few)
    tracemalloc.stop()
    kept = Queries(_scripted(MANY))
    began_s = time.process_time()
    found = score(asked, kept, [0] * SET, emulated=False)
    good = good_result(mode="scenario", scenario=found)
    result = msgspec.structs.replace(good, inputs=msgspec.structs.replace(good.inputs, count=SET))
    states = {one.rule: one.state for one in rulings(result, load_profile("quick"))}
    took_s = time.process_time() - began_s
    assert states["scenario-order"] == "kept"
    where = f"{MANY:,} scripted queries: tail, answers, order drawn again; own time"
    return [
        Figure("scenario.judge_1m_s", took_s, "s", 3, where),
        Figure("scenario.memory_b", held_b, "B", 64, f"a query, of {FEW:,} that are held"),
    ]


def _audits() -> list[Figure]:
    """Audit honest devices, each with another seed, and every kind that cheats."""
    with tempfile.TemporaryDirectory() as scratch:
        samples = inputs(Path(scratch))
        passed = sum(
            not broken(audited(Device(jitter=0.05, seed=seed), samples)) for seed in range(TRIALS)
        )
        found = sum(
            rule in broken(audited(Device(cheat=cheat, jitter=0.05), samples))
            for cheat, rule in CHEATS
        )
    honest = f"of {TRIALS} honest devices whose times jitter by 5 %, on {COUNT} inputs"
    return [
        Figure("scenario.honest_passed", passed, "1", 990, honest, better="higher"),
        Figure("scenario.cheats_found", found, "1", len(CHEATS), "kinds", better="higher"),
    ]


if __name__ == "__main__":
    for figure in figures():
        mark = "MISS" if figure.missed else ""
        print(f"{figure.name:<28} {figure.value:>10.4g} {figure.unit:<3} {mark:<5} {figure.where}")
