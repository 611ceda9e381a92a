"""Measure the energy analysis: integration from memory and from a file; part of `make bench`.

Run alone: python -m tests.bench.energy
"""

import itertools
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.bench.figures import Figure
from tests.program import TINYBENCH
from tinybench.energy.integrate import integrate
from tinybench.energy.trace import Chunk, Edge, Floats, Infer, TraceHead, TraceWriter, memory_trace

RATE_HZ = 1e6
MEMORY = 1 << 24
LOOP = 200_000
FILE = 600_000_000
"""Ten minutes at 1 MS/s, current and voltage."""
BLOCK = 1_000_000
REPEATS = 7
HEAD = TraceHead(rate_hz=RATE_HZ, unit="A", voltage_measured=True)


def figures() -> list[Figure]:
    """Measure everything; takes about a minute and 5 GB of disk."""
    return _from_memory() + _from_file()


def _from_memory() -> list[Figure]:
    rng = np.random.default_rng(1)
    current_a = rng.random(MEMORY, np.float32) * np.float32(0.02)
    voltage_v = rng.random(MEMORY, np.float32) * np.float32(0.01) + np.float32(3.3)
    into_a, into_v = np.empty_like(current_a), np.empty_like(voltage_v)
    trace = memory_trace(HEAD, current_a, voltage_v)
    ends_s = np.linspace(1.5 / RATE_HZ, (MEMORY - 1.5) / RATE_HZ, 6)

    def windows() -> None:
        for start_s, stop_s in itertools.pairwise(ends_s.tolist()):
            integrate(trace, start_s, stop_s)

    def copy() -> None:
        np.copyto(into_a, current_a)
        np.copyto(into_v, voltage_v)

    copy_s, windows_s = _fastest(copy, windows)
    (loop_s,) = _fastest(lambda: _loop(current_a, voltage_v, LOOP), repeats=3)
    speed, loop_speed = MEMORY / windows_s, LOOP / loop_s
    where = (
        f"{MEMORY / 1e6:.0f} M samples of i and v, float32, five windows: {speed / 1e6:.0f} MS/s"
    )
    return [
        Figure("energy.integrate_vs_copy", copy_s / windows_s, "1", 0.7, where, "higher"),
        Figure("energy.integrate_vs_loop", speed / loop_speed, "1", 500, where, "higher"),
    ]


def _loop(current_a: Floats, voltage_v: Floats, count: int) -> float:
    """Integrate one window sample by sample, as one would write it down first."""
    first, last, energy_j = 1.5, count - 1.5, 0.0
    for index in range(count):
        share = min(index + 1, last) - max(index, first)
        if share > 0:
            energy_j += float(current_a[index]) * float(voltage_v[index]) * share / RATE_HZ
    return energy_j


def _from_file() -> list[Figure]:
    """Analyse a stored trace by the command itself, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="tinybench-bench-") as folder:
        path = Path(folder) / "trace.jls"
        _write(path)
        command = [*TINYBENCH, "energy", "analyse", str(path), "--json"]
        with (Path(folder) / "found.json").open("w+b") as found_file:
            start_s, peak_b = time.perf_counter(), 0
            with subprocess.Popen(command, stdout=found_file) as child:
                while child.poll() is None:
                    peak_b = max(peak_b, _peak_b(child.pid))
                    time.sleep(0.02)
            took_s = time.perf_counter() - start_s
            found_file.seek(0)
            found = json.load(found_file)
    assert found["tinybench"]["valid"], found["tinybench"]
    where = f"tinybench energy analyse, {FILE / 1e6:.0f} M samples of i and v, whole process"
    return [
        Figure("energy.jls_msps", FILE / took_s / 1e6, "MS/s", 40, where, "higher"),
        Figure("energy.jls_peak_rss_mb", peak_b / 1e6, "MB", 200, where),
    ]


def _peak_b(pid: int) -> int:
    """Return the peak resident memory of a process; the kernel's own, of this program alone.

    What `wait4` says would count the parent's too: the child shares its memory until it starts.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peaks[0]) * 1024 if peaks else 0


def _write(path: Path) -> None:
    rng = np.random.default_rng(2)
    current_a = rng.random(BLOCK, np.float32) * np.float32(0.02)
    voltage_v = rng.random(BLOCK, np.float32) * np.float32(0.01) + np.float32(3.3)
    ends_s = np.linspace(2.0, FILE / RATE_HZ - 1, 11)[:10]
    edges = [Edge(1.0), *(Edge(float(at)) for at in ends_s)]
    with TraceWriter(path, HEAD) as writer:
        for _ in range(5):
            writer.infer(Infer(1000))
        writer.write(Chunk(0, current_a, voltage_v, edges))
        for first in range(BLOCK, FILE, BLOCK):
            writer.write(Chunk(first, current_a, voltage_v))


def _fastest(*jobs: Callable[[], object], repeats: int = REPEATS) -> list[float]:
    """Return the shortest time of each job in s; they take turns, so that noise meets them all."""
    best_s = [float("inf")] * len(jobs)
    for _ in range(repeats):
        for place, job in enumerate(jobs):
            start_s = time.perf_counter()
            job()
            best_s[place] = min(best_s[place], time.perf_counter() - start_s)
    return best_s


if __name__ == "__main__":
    for figure in figures():
        mark = "MISS" if figure.missed else ""
        print(f"{figure.name:<30} {figure.value:>10.4g} {figure.unit:<5} {mark:<5} {figure.where}")
