"""How long it takes to list, load and report many runs."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.figures import Figure
from tests.program import TINYBENCH
from tests.runner.results.a_result import good_result
from tinybench.runner.results.result import write_result

RUNS = 1000
LOADED = 2000
REPEATS = 3
LOAD = f"""
import sys, time, tinybench
tinybench.load_runs(sys.argv[1])
took = []
for _ in range({REPEATS}):
    start_s = time.perf_counter()
    assert len(tinybench.load_runs(sys.argv[1])) == {LOADED}
    took.append(time.perf_counter() - start_s)
print(min(took))
"""


def figures() -> list[Figure]:
    """Measure whole processes on a made-up tree of RUNS runs with 1000 answers each."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "runs"
        _write(root, range(RUNS))
        page = Path(scratch) / "page.html"
        elsewhere = os.environ | {"TINYBENCH_CACHE": str(Path(scratch) / "elsewhere")}
        told_s = _took_s(["report", str(root), "--to", "html", "-o", str(page)], elsewhere)
        page_b = page.stat().st_size
        environment = os.environ | {"TINYBENCH_CACHE": str(Path(scratch) / "cache")}
        words = ["results", str(root)]
        first_s = _took_s(words, environment)
        again_s = min(_took_s(words, environment) for _ in range(REPEATS))
        _write(root, range(RUNS, LOADED))
        done = subprocess.run(
            [sys.executable, "-c", LOAD, str(root)], env=environment, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
        loaded_s = float(done.stdout)
    what = f"tinybench results, {RUNS} runs of 1000 answers, whole process"
    return [
        Figure("results.list_1000_s", again_s, "s", 1.0, f"{what}, least of {REPEATS}"),
        Figure(
            "results.load_runs_2000_s",
            loaded_s,
            "s",
            1.0,
            f"tinybench.load_runs, {LOADED} runs, warm, least of {REPEATS}",
        ),
        Figure("results.first_list_1000_s", first_s, "s", 30.0, f"{what}, every run judged"),
        Figure("results.report_1000_s", told_s, "s", 5.0, f"report --to html, {RUNS} runs, judged"),
        Figure("results.report_1000_b", page_b, "B", 3e6, f"the page of {RUNS} runs"),
    ]


def _write(root: Path, numbers: range) -> None:
    for number in numbers:
        folder = root / f"{number // 100}" / f"{number:04d}"
        folder.mkdir(parents=True)
        minute, second = divmod(number, 60)
        started = f"2026-11-21T{10 + minute // 60}:{minute % 60:02d}:{second:02d}+00:00"
        write_result(folder, good_result(started_at=started))


def _took_s(words: list[str], environment: dict[str, str]) -> float:
    start_s = time.perf_counter()
    subprocess.run([*TINYBENCH, *words], env=environment, check=True, capture_output=True)
    return time.perf_counter() - start_s


if __name__ == "__main__":
    for figure in figures():
        print(f"{figure.name:<28} {figure.value:.3f} {figure.unit}, {figure.where}")
