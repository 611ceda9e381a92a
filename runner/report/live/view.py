"""What a monitor sees now, for the terminal: current, power, edges, and the sums so far."""

from collections import deque

import numpy as np
from rich.table import Table

from tinybench.energy.tally import Tally
from tinybench.energy.trace import Chunk, TraceHead
from tinybench.plural import counted
from tinybench.printable import one_line

BARS = "▁▂▃▄▅▆▇█"
HISTORY = 60
STEP_S = 0.1
"""One bar of the history."""


class LiveView:
    """Takes chunks, and is asked now and then what to show."""

    def __init__(self, head: TraceHead) -> None:
        self._head = head
        self._means: deque[float] = deque(maxlen=HISTORY)
        self._held: list[np.ndarray] = []
        self._count = 0
        self._per_bar = max(1, round(head.rate_hz * STEP_S))
        self._edges = 0
        self._last_edge_s: float | None = None
        self._now = (float("nan"),) * 3
        self._voltage_v = head.voltage_v
        self._marks: list[tuple[str, float]] = []
        self._parts = [Tally(head)]
        """From each marker to the next."""
        self._all = Tally(head)
        self._range = (float("inf"), float("-inf"))

    def feed(self, chunk: Chunk) -> None:
        """Take a chunk."""
        self._edges += len(chunk.edges)
        if chunk.edges:
            self._last_edge_s = chunk.edges[-1].time_s
        self._all.add(chunk)
        self._parts[-1].add(chunk)
        there = chunk.samples[np.isfinite(chunk.samples)]
        if not len(there):
            return
        self._range = (
            min(self._range[0], float(there.min())),
            max(self._range[1], float(there.max())),
        )
        if chunk.voltage_v is not None:
            self._voltage_v = float(np.nanmean(chunk.voltage_v))
        self._held.append(there)
        self._count += len(there)
        while self._count >= self._per_bar:
            joined = np.concatenate(self._held)
            bar, rest = joined[: self._per_bar], joined[self._per_bar :]
            self._means.append(float(bar.mean()))
            self._now = (float(bar.mean()), float(bar.min()), float(bar.max()))
            self._held, self._count = [rest], len(rest)

    @property
    def ready(self) -> bool:
        """Whether there is anything to show."""
        return bool(self._means)

    def line(self) -> str:
        """Return what is now, as one line."""
        mean, low, high = (f"{self._current_a(value) * 1e3:.4f}" for value in self._now)
        return (
            f"{self._all.time_s:9.2f} s  {mean} mA ({low} to {high})  "
            f"{self._power_w() * 1e3:.4f} mW  {self._voltage()}  {self._all.line()}  "
            f"{counted(self._edges, 'edge')}  {self._all.lost} lost"
        )

    def table(self, recording: str = "", *, keys: bool = False) -> Table:
        """Return what is now and was lately, as a table; what is recorded, what keys do."""
        head = self._head
        table = Table(title=" ".join(part for part in (head.monitor, head.serial) if part))
        table.add_column("")
        table.add_column(f"mean of {STEP_S * 1e3:.0f} ms", justify="right")
        mean, low, high = (self._current_a(value) * 1e3 for value in self._now)
        table.add_row("current", f"{mean:.4f} mA ({low:.4f} to {high:.4f})")
        table.add_row("power", f"{self._power_w() * 1e3:.4f} mW at {self._voltage()}")
        last = "" if self._last_edge_s is None else f", the last at {self._last_edge_s:.4f} s"
        table.add_row("edges", f"{self._edges}{last}")
        table.add_row("charge, energy", self._all.line())
        if self._marks:
            name, at_s = self._marks[-1]
            table.add_row("markers", f"{len(self._marks)}, the last {name} at {at_s:.2f} s")
            table.add_row("since then", self._parts[-1].line())
        table.add_row("lost samples", str(self._all.lost))
        if recording:
            table.add_row("recording", one_line(recording))
        table.add_row("time", f"{self._all.time_s:.1f} s at {head.rate_hz:g} samples a second")
        if self._range[0] <= self._range[1]:
            ends = " to ".join(f"{self._current_a(one) * 1e3:.4f}" for one in self._range)
            table.add_row("so far", f"{ends} mA")
        most_ma = self._current_a(max(self._means, default=0.0)) * 1e3
        table.add_row(f"last {HISTORY * STEP_S:g} s", f"{self._bars()} 0 to {most_ma:.3g} mA")
        if keys:
            table.add_row("keys", "r records or ends that, q ends, any other sets a marker")
        return table

    def mark(self, name: str) -> str:
        """Note a moment, the end of the samples so far; return how it is called."""
        name = name or str(len(self._marks) + 1)
        self._marks.append((name, self._all.time_s))
        part = Tally(self._head)
        part.begin(self._all)
        self._parts.append(part)
        return name

    def summary(self) -> list[str]:
        """Return what came in all, and between markers, a line each."""
        every = self._all
        low, high = (self._current_a(value) * 1e3 for value in self._range)
        lines = [
            f"{every.time_s:.3f} s, {every.samples} samples, {every.lost} lost, "
            f"{counted(self._edges, 'edge')}, {counted(len(self._marks), 'marker')}"
        ]
        if every.samples:
            lived_s = every.samples / self._head.rate_hz
            if every.charge_c is not None:
                lines.append(
                    f"current {every.charge_c / lived_s * 1e3:.4f} mA in the mean, {low:.4f} to "
                    f"{high:.4f} mA"
                )
            if every.energy_j is not None:
                power_mw = every.energy_j / lived_s * 1e3
                lines.append(f"power {power_mw:.4f} mW in the mean, at {self._voltage()}")
            lines.append(f"in all {_sums(every)}")
        names = ["the start", *(name for name, _ in self._marks)]
        starts_s = [0.0, *(at_s for _, at_s in self._marks)]
        if self._marks:
            lines += [
                f"from {name} ({at_s:.2f} s) on: {part.time_s - at_s:.2f} s, {_sums(part)}"
                for name, at_s, part in zip(names, starts_s, self._parts, strict=True)
            ]
        return lines

    def _current_a(self, value: float) -> float:
        """Return a sample as current."""
        if self._head.unit == "A":
            return value
        return self._as_power_w(value) / (self._voltage_v or float("nan"))

    def _power_w(self) -> float:
        if self._head.unit == "A":
            return self._now[0] * (self._voltage_v or float("nan"))
        return self._as_power_w(self._now[0])

    def _as_power_w(self, value: float) -> float:
        return (
            value
            * {"W": 1.0, "J": self._head.rate_hz, "uJ": self._head.rate_hz * 1e-6}[self._head.unit]
        )

    def _voltage(self) -> str:
        return "an unknown voltage" if self._voltage_v is None else f"{self._voltage_v:.3f} V"

    def _bars(self) -> str:
        """Return the history as bars from nothing to the highest."""
        most = max(self._means, default=0.0)
        if most <= 0:
            return BARS[0] * len(self._means)
        return "".join(BARS[round(max(mean, 0.0) / most * 7)] for mean in self._means)


def _sums(tally: Tally) -> str:
    si = [
        f"{value:.6g} {unit}"
        for value, unit in ((tally.charge_c, "C"), (tally.energy_j, "J"))
        if value is not None
    ]
    lost = f", without {counted(tally.lost, 'lost sample')}" if tally.lost else ""
    return f"{tally.line()} ({', '.join(si)}){lost}"
