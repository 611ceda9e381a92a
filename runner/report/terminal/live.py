"""What a monitor sees now, for the terminal: current, power and edges while a bench is set up."""

from collections import deque

import numpy as np
from rich.table import Table

from tinybench.energy.trace import Chunk, TraceHead

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
        self._lost = 0
        self._now = (float("nan"),) * 3
        self._voltage_v = head.voltage_v
        self._time_s = 0.0

    def feed(self, chunk: Chunk) -> None:
        """Take a chunk."""
        self._edges += len(chunk.edges)
        if chunk.edges:
            self._last_edge_s = chunk.edges[-1].time_s
        self._lost += sum(gap.count for gap in chunk.gaps)
        self._time_s = (chunk.start_index + len(chunk.samples)) / self._head.rate_hz
        there = chunk.samples[np.isfinite(chunk.samples)]
        if not len(there):
            return
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
            f"{self._time_s:9.2f} s  {mean} mA ({low} to {high})  {self._power_w() * 1e3:.4f} mW  "
            f"{self._voltage()}  {self._edges} edges  {self._lost} lost"
        )

    def table(self) -> Table:
        """Return what is now and was lately, as a table."""
        head = self._head
        table = Table(title=" ".join(part for part in (head.monitor, head.serial) if part))
        table.add_column("")
        table.add_column(f"mean of {STEP_S * 1e3:.0f} ms", justify="right")
        mean, low, high = (self._current_a(value) * 1e3 for value in self._now)
        table.add_row("current", f"{mean:.4f} mA ({low:.4f} to {high:.4f})")
        table.add_row("power", f"{self._power_w() * 1e3:.4f} mW at {self._voltage()}")
        last = "" if self._last_edge_s is None else f", the last at {self._last_edge_s:.4f} s"
        table.add_row("edges", f"{self._edges}{last}")
        table.add_row("lost samples", str(self._lost))
        table.add_row("time", f"{self._time_s:.1f} s at {head.rate_hz:g} samples a second")
        table.add_row("last seconds", self._bars())
        return table

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
