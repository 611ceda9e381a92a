"""Traces of known energy, forged in one way each, and what became of them."""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tinybench.energy.analysis import Analysis, analyse
from tinybench.energy.examine import told
from tinybench.energy.importers import open_any
from tinybench.energy.trace import Edge, Infer, TraceHead, memory_trace
from tinybench.errors import TinybenchError

RATE_HZ = 500.0
ITERATIONS = 10
HEADER = "time_s,current_a,voltage_v,edge"
Rng = np.random.Generator


@dataclass
class Table:
    """A trace as the rows of a table, and the truth."""

    times_s: list[str]
    current_a: list[str]
    voltage_v: float
    edges: list[int]
    """Rows with an edge: a mark, and two for each window."""
    true_j: float
    """Energy of an inference, the median over the windows."""
    iterations: list[int] = field(default_factory=list)
    """Of each window, where they are known; else the user tells one number."""
    header: str = HEADER
    marked: dict[int, str] = field(default_factory=dict)
    """What stands in the column of edges, where that is neither 0 nor 1."""

    def text(self) -> str:
        """Return the file."""
        edges = set(self.edges)
        rows = (
            f"{at},{current},{self.voltage_v},{self.marked.get(row, str(int(row in edges)))}"
            for row, (at, current) in enumerate(zip(self.times_s, self.current_a, strict=True))
        )
        return "\n".join((self.header, *rows)) + "\n"


@dataclass(frozen=True)
class Outcome:
    """What became of a trace: "right", "refused", "not sound", or "WRONG"."""

    verdict: str
    why: str = ""


def honest(rng: Rng, jitter: float = 0.0) -> Table:
    """Return a trace that is what it says: equal windows but for `jitter`, pauses of any length."""
    count = int(rng.integers(3, 7))
    length = rng.uniform(0.2, 0.8) * RATE_HZ
    high_a = rng.uniform(4e-3, 20e-3)
    low_a = high_a * rng.uniform(0.05, 0.6)
    at = int(rng.uniform(0.1, 0.5) * RATE_HZ)
    edges, at = [at], at + int(rng.uniform(0.1, 1.0) * RATE_HZ)
    rested = rng.uniform(0.1, 1.0)
    lengths = []
    for _ in range(count):
        lengths.append(max(2, round(length * rng.uniform(1 - jitter, 1 + jitter))))
        edges += [at, at + lengths[-1]]
        at = edges[-1] + max(2, int(rested * rng.uniform(0.9, 1.3) * RATE_HZ))
    current_a = np.full(at, low_a)
    for start, stop in zip(edges[1::2], edges[2::2], strict=True):
        current_a[start] = current_a[stop] = (high_a + low_a) / 2  # an edge falls mid-sample
        current_a[start + 1 : stop] = high_a
    volts = round(float(rng.uniform(1.8, 3.6)), 3)
    each_j = [high_a * volts * one / RATE_HZ / ITERATIONS for one in lengths]
    return Table(
        [f"{row / RATE_HZ:.6f}" for row in range(at)],
        [f"{one:.9f}" for one in current_a],
        volts,
        edges,
        statistics.median(each_j),
    )


def other_iterations(rng: Rng) -> Table:
    """Return an honest trace whose windows differ in iterations, and in time by a tenth."""
    table = honest(rng, 0.1)
    pairs = zip(table.edges[1::2], table.edges[2::2], strict=True)
    high_a = max(map(float, table.current_a))
    table.iterations = [int(rng.integers(5, 50)) for _ in table.edges[1::2]]
    rows = iter(table.iterations)
    edges, at, current_a = table.edges[:1], table.edges[1], table.current_a[: table.edges[1]]
    low = table.current_a[0]
    mid = table.current_a[table.edges[1]]
    each_j = []
    for start, stop in pairs:
        count = next(rows)
        length = max(2, round((stop - start) * count / ITERATIONS))
        edges += [at, at + length]
        current_a += [mid, *([f"{high_a:.9f}"] * (length - 1)), mid, *([low] * 100)]
        each_j.append(high_a * table.voltage_v * length / RATE_HZ / count)
        at = len(current_a)
    times_s = [f"{row / RATE_HZ:.6f}" for row in range(len(current_a))]
    return replace(
        table,
        times_s=times_s,
        current_a=current_a,
        edges=edges,
        true_j=statistics.median(each_j),
    )


def judge(table: Table, path: Path, text: str | None = None) -> Outcome:
    """Import a table as a user does, and compare with the truth."""
    path.write_text(table.text() if text is None else text)
    try:
        with open_any(path) as trace:
            if table.iterations:
                infers = [Infer(count) for count in table.iterations]
                return _judged(analyse(replace(trace, infers=infers)), table)
            return _judged(analyse(told(trace, ITERATIONS, None, None)), table)
    except TinybenchError as error:
        return Outcome("refused", str(error))


def judge_live(table: Table, edges: list[int], *, timed: bool) -> Outcome:
    """Analyse a trace as a run stores it: the count of its infers is known, and perhaps times."""
    head = TraceHead(rate_hz=RATE_HZ, unit="A", voltage_v=table.voltage_v)
    pairs = zip(table.edges[1::2], table.edges[2::2], strict=True)
    infers = [
        Infer(ITERATIONS, dut_s=(stop - start) / RATE_HZ if timed else None)
        for start, stop in pairs
    ]
    trace = memory_trace(
        head,
        np.array(table.current_a, np.float32),
        edges=[Edge((row + 0.5) / RATE_HZ, None, 0.5 / RATE_HZ) for row in edges],
        infers=infers,
    )
    return _judged(analyse(trace), table)


def _judged(found: Analysis, table: Table) -> Outcome:
    if not found.valid or found.median_j is None or found.uncertainty_j is None:
        faults = [*found.faults, *(fault for window in found.windows for fault in window.faults)]
        return Outcome("not sound" if faults else "WRONG", "; ".join(faults))
    error_j = found.median_j - table.true_j
    said = f"{found.median_j} ± {found.uncertainty_j} J, true {table.true_j} J"
    # Digits of the file, and float32: beyond what an instrument's uncertainty can tell.
    right = abs(error_j) <= found.uncertainty_j + 1e-5 * table.true_j
    return Outcome("right" if right and math.isfinite(error_j) else "WRONG", said)


def _row(rng: Rng, table: Table) -> int:
    """Return a row within the first or the last window, or between them."""
    return int(rng.integers(table.edges[0] + 1, table.edges[-1]))


def _times(table: Table, steps_s: np.ndarray) -> Table:
    """Return the trace with other steps; the truth is by them."""
    times_s = np.concatenate([[0.0], np.cumsum(steps_s)])
    high_a = max(map(float, table.current_a))
    middles_s = times_s + np.append(steps_s, steps_s[-1]) / 2
    each_j = [
        high_a * table.voltage_v * float(middles_s[stop] - middles_s[start]) / ITERATIONS
        for start, stop in zip(table.edges[1::2], table.edges[2::2], strict=True)
    ]
    return replace(table, times_s=[f"{at:.6f}" for at in times_s], true_j=statistics.median(each_j))


def _slower(rng: Rng, table: Table) -> Table:
    steps_s = np.full(len(table.times_s) - 1, 1 / RATE_HZ)
    steps_s[_row(rng, table) :] *= rng.uniform(1.05, 2.5)
    return _times(table, steps_s)


def _drifting(rng: Rng, table: Table) -> Table:
    count = len(table.times_s) - 1
    return _times(table, np.linspace(1, 1 + rng.uniform(0.02, 1.0), count) / RATE_HZ)


def _wandering(rng: Rng, table: Table) -> Table:
    return _times(table, rng.uniform(0.5, 1.5, len(table.times_s) - 1) / RATE_HZ)


def _jittering(rng: Rng, table: Table) -> Table:
    count = len(table.times_s)
    at = (np.arange(count) + rng.uniform(-0.3, 0.3, count)) / RATE_HZ
    return replace(table, times_s=[f"{one:.6f}" for one in at - at[0]])


def _with_edges(false: int, missing: int) -> Callable[[Rng, Table], Table]:
    def forge(rng: Rng, table: Table) -> Table:
        return replace(table, edges=edges_of(rng, table, false, missing))

    return forge


def edges_of(rng: Rng, table: Table, false: int, missing: int) -> list[int]:
    """Return the edges with so many false ones put in, and so many left out."""
    kept = set(table.edges)
    for row in rng.choice(table.edges, missing, replace=False):
        kept.discard(int(row))
    free = [row for row in range(2, len(table.times_s) - 2) if row not in table.edges]
    return sorted(kept | {int(row) for row in rng.choice(free, false, replace=False)})


def _lost(rng: Rng, table: Table) -> Table:
    first = _row(rng, table)
    kept = [
        row
        for row in range(len(table.times_s))
        if not first <= row < first + int(rng.integers(1, 200))
    ]
    place = {row: new for new, row in enumerate(kept)}
    return replace(
        table,
        times_s=[table.times_s[row] for row in kept],
        current_a=[table.current_a[row] for row in kept],
        edges=[place[row] for row in table.edges if row in place],
    )


def _currents(change: Callable[[float], str]) -> Callable[[Rng, Table], Table]:
    def forge(rng: Rng, table: Table) -> Table:
        first = _row(rng, table)
        current_a = list(table.current_a)
        for row in range(first, min(first + int(rng.integers(1, 60)), len(current_a))):
            current_a[row] = change(float(current_a[row]))
        return replace(table, current_a=current_a)

    return forge


def _negative(_: Rng, table: Table) -> Table:
    return replace(table, current_a=[f"-{one}" for one in table.current_a])


def _in_column(column: str, word: str) -> Callable[[Rng, Table], Table]:
    def forge(rng: Rng, table: Table) -> Table:
        row = _row(rng, table)
        if column == "edge":
            return replace(table, marked={row: word})
        values = list(getattr(table, column))
        values[row] = word
        return replace(table, **{column: values})

    return forge


def _headed(header: str) -> Callable[[Rng, Table], Table]:
    return lambda _, table: replace(table, header=header)


def _millivolts(_: Rng, table: Table) -> Table:
    return replace(table, voltage_v=table.voltage_v * 1000)


def _kilovolts(_: Rng, table: Table) -> Table:
    return replace(table, header=HEADER.replace("voltage_v", "voltage_mv"))


def _doubled(rng: Rng, table: Table) -> Table:
    first = _row(rng, table)
    count = int(rng.integers(1, 50))
    times_s, current_a = list(table.times_s), list(table.current_a)
    times_s[first:first] = times_s[first : first + count]
    current_a[first:first] = current_a[first : first + count]
    edges = [row + (count if row >= first else 0) for row in table.edges]
    return replace(table, times_s=times_s, current_a=current_a, edges=edges)


def _swapped(rng: Rng, table: Table) -> Table:
    row = _row(rng, table)
    times_s = list(table.times_s)
    times_s[row], times_s[row - 1] = times_s[row - 1], times_s[row]
    return replace(table, times_s=times_s)


KINDS: dict[str, Callable[[Rng, Table], Table]] = {
    "slower from a row on": _slower,
    "drifting clock": _drifting,
    "wandering clock": _wandering,
    "jittering stamps": _jittering,
    "one false edge": _with_edges(1, 0),
    "two false edges": _with_edges(2, 0),
    "three false edges": _with_edges(3, 0),
    "four false edges": _with_edges(4, 0),
    "a missing edge": _with_edges(0, 1),
    "two missing edges": _with_edges(0, 2),
    "a false and a missing edge": _with_edges(1, 1),
    "two false and two missing edges": _with_edges(2, 2),
    "lost rows": _lost,
    "empty cells": _currents(lambda _: ""),
    "nan samples": _currents(lambda _: "nan"),
    "negative run": _currents(lambda current_a: f"{-current_a}"),
    "all negative": _negative,
    "nan in the edges": _in_column("edge", "nan"),
    "an empty edge": _in_column("edge", ""),
    "a time of nan": _in_column("times_s", "nan"),
    "a time of inf": _in_column("times_s", "inf"),
    "a jump in time": _in_column("times_s", "1e12"),
    "a word": _in_column("current_a", "overload"),
    "current without a unit": _headed("time_s,current,voltage_v,edge"),
    "time without a unit": _headed("time,current_a,voltage_v,edge"),
    "current in volts": _headed("time_s,current_v,voltage_v,edge"),
    "millivolts called volts": _millivolts,
    "volts called millivolts": _kilovolts,
    "doubled rows": _doubled,
    "swapped rows": _swapped,
}
"""How a table is forged."""


def run_forged(kind: str, seed: int, path: Path) -> Outcome:
    """Forge the trace of a seed, and judge what is found in it."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    return judge(KINDS[kind](rng, honest(rng)), path)


def run_cut(seed: int, path: Path) -> Outcome:
    """Cut a file anywhere."""
    rng = np.random.default_rng(seed)
    table = honest(rng)
    text = table.text()
    return judge(table, path, text[: int(rng.integers(len(text)))])


def run_live(seed: int) -> Outcome:
    """Put false edges into the trace of a run, and leave as many out, or not."""
    rng = np.random.default_rng(seed)
    table = honest(rng)
    false, missing = int(rng.integers(0, 4)), int(rng.integers(0, 3))
    edges = edges_of(rng, table, false, missing)
    return judge_live(table, edges, timed=bool(rng.integers(2)))
