"""Measure the page of a lab with ten thousand results, in a real Chromium."""

import statistics
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import requests

from tests.bench.figures import Figure
from tests.browser import Browser, browser
from tests.runner.lab.small_lab import served
from tests.runner.results.a_result import good_result
from tinybench.runner.results.result import write_result

RESULTS = 10_000
ANSWERS = 20
"""Of each run; the page shows none of them."""
LOADS = 5
MUST_MS = 500
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
FILLED = """
new Promise((done) => {
  const look = () => document.querySelectorAll("#results tr").length
    ? done(performance.now()) : setTimeout(look, 5);
  look();
})
"""


def figures() -> list[Figure]:
    """Return how soon the page is there, and how soon its table of results."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for number in range(RESULTS):
            _write(folder / "lab" / "runs" / f"{number + 1}-1", number)
        with served(folder / "lab", "--emulated", "host") as lab:
            told = requests.get(f"{lab.address}/api/results?brief=yes", timeout=600).json()
            assert told["count"] == RESULTS  # each is judged: once, and here
            with browser(folder / "chromium") as page:
                painted, filled = zip(
                    *(_load(page, lab.address, n) for n in range(LOADS)), strict=True
                )
    where = f"{RESULTS:,} results, a local Chromium, median of {LOADS} loads"
    return [
        Figure("lab.page_first_paint_ms", statistics.median(painted), "ms", MUST_MS,
               f"first contentful paint of the view of results, {where}"),
        Figure("lab.page_results_ms", statistics.median(filled), "ms", MUST_MS,
               f"until its table has the newest 100, {where}"),
    ]  # fmt: skip


def _load(page: Browser, address: str, number: int) -> tuple[float, float]:
    page.open(f"{address}/?{number}#results")
    filled_ms = page.run(FILLED)
    return page.run(PAINTED), filled_ms


def _write(folder: Path, number: int) -> None:
    folder.mkdir(parents=True)
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    good = good_result()
    assert good.accuracy is not None
    few = msgspec.structs.replace(good.accuracy, answers=good.accuracy.answers[:ANSWERS])
    write_result(folder, msgspec.structs.replace(good, started_at=at.isoformat(), accuracy=few))
