"""Measure the policy of a lab: what it gains, simulated, and how long a decision of it takes."""

import contextlib
import statistics
import tempfile
import time
from pathlib import Path

import msgspec

from tests.bench.figures import Figure
from tinybench.runner.lab import simulate, store
from tinybench.runner.lab.job import Job
from tinybench.runner.lab.leader import placing
from tinybench.runner.lab.leader.state import Leader
from tinybench.runner.lab.policy import Want, place

SEEDS = 50
DECIDE_MUST_S = 0.010
REPEATS = 21
SEARCH_MOST = 1_000_000


def figures() -> list[Figure]:
    """Return the figures; none needs more than this computer."""
    return [*_gains(), *_decisions()]


def _gains() -> list[Figure]:
    four = simulate.boards(4)
    batches = [simulate.gain(simulate.batch(50, simulate.LENGTHS_S, n), four) for n in range(SEEDS)]
    random = [
        simulate.gain(simulate.poisson(400, simulate.LENGTHS_S, 0.8, 4, n), four)
        for n in range(SEEDS)
    ]
    shares = max(most for _, most in (*batches, *random))
    where = f"simulated, mean of seeds 0 to {SEEDS - 1}, 4 boards, jobs of 60/120/300/600 s"
    return [
        Figure("lab.jct_ratio_sim", _mean(batches), "1", 1.43, f"50 at once; {where}", "higher"),
        Figure(
            "lab.jct_ratio_sim_poisson",
            _mean(random),
            "1",
            1.5,
            f"400 at load 0.8; {where}",
            "higher",
        ),
        Figure("lab.fair_shares_most", shares, "1", 3.0, "longest wait of any of these jobs"),
    ]


def _mean(found: list[tuple[float, float]]) -> float:
    return statistics.fmean(gain for gain, _ in found)


def _decisions() -> list[Figure]:
    found = [
        Figure(
            f"lab.decision_s_{count}",
            decision_s(count),
            "s",
            DECIDE_MUST_S,
            f"tier 1 at {count:,} busy boards, every one of which is looked at; median",
        )
        for count in (1000, 10_000)
    ]
    low, high = 10_000, SEARCH_MOST
    while high - low > low // 20:
        middle = (low + high) // 2
        low, high = (middle, high) if decision_s(middle) < DECIDE_MUST_S else (low, middle)
    found.append(
        Figure(
            "lab.refill_s_10000",
            refill_s(10_000),
            "s",
            DECIDE_MUST_S,
            "a step looks for jobs on disk, of 10,000 boards each with two of its own; median",
        )
    )
    where = "most boards at which tier 1 decides within 10 ms, by bisection to 5 %"
    return [*found, Figure("lab.boards_in_10_ms", low, "1", None, where, "higher")]


def decision_s(count: int) -> float:
    """Return the median time of a decision among so many boards, all of them busy."""
    boards = simulate.boards(count)
    queued_s = {one.name: 60.0 + number % 97 for number, one in enumerate(boards)}
    want = Want(core="Cortex-M4F")
    took = []
    for _ in range(REPEATS):
        start_s = time.perf_counter()
        place(want, boards, queued_s)
        took.append(time.perf_counter() - start_s)
    return statistics.median(took)


def refill_s(count: int) -> float:
    """Return the median time in which a step finds that no wish of so many has room for more."""
    took = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        contextlib.closing(store.open_store(Path(scratch) / "queue.sqlite")) as db,
    ):
        leader = Leader(db, Path(scratch), "", lambda *_, **__: None)
        names = [one.name for one in simulate.boards(count)] * 2
        job = Job(series="a", words={"task": "kws"})
        store.submit(db, (msgspec.structs.replace(job, board=one) for one in names), {}, {}, "")
        while len(leader.rows) < len(names):
            placing.refill(leader)
        for _ in range(count // placing.WISHES_A_STEP):
            start_s = time.perf_counter()
            placing.refill(leader)
            took.append(time.perf_counter() - start_s)
    return statistics.median(took)
