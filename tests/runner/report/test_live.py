"""The live view: what is now, and was lately."""

import io

import numpy as np
import pytest
from rich.console import Console

from tinybench.energy.trace import Chunk, Edge, Gap, TraceHead
from tinybench.runner.report.terminal.live import BARS, LiveView

HEAD = TraceHead(rate_hz=1000.0, unit="A", monitor="PPK2", serial="A1", voltage_v=3.0)


def shown(view: LiveView) -> str:
    """Return the table as text."""
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(view.table())
    return console.export_text()


def test_mean_extremes_power_edges_and_losses_are_shown() -> None:
    """Of the last tenth of a second; NaN is in no mean."""
    samples = np.full(100, 2e-3, np.float32)
    samples[0], samples[1] = 1e-3, 3e-3
    view = LiveView(HEAD)
    view.feed(Chunk(0, np.zeros(100, np.float32)))
    view.feed(Chunk(100, samples, None, (Edge(0.15),)))
    view.feed(Chunk(200, np.full(50, np.nan, np.float32), None, (), (Gap(200, 50),)))
    text = shown(view)
    assert "2.0000 mA (1.0000 to 3.0000)" in text
    assert "6.0000 mW at 3.000 V" in text
    assert "1, the last at 0.1500 s" in text
    assert "50" in text
    assert BARS[0] + BARS[7] in text
    assert view.line().split()[:3] == ["0.25", "s", "2.0000"]


@pytest.mark.parametrize(("unit", "sample"), [("W", 6e-3), ("J", 6e-6), ("uJ", 6.0)])
def test_energy_and_power_are_shown_as_current_too(unit: str, sample: float) -> None:
    """By the voltage."""
    view = LiveView(TraceHead(rate_hz=1000.0, unit=unit, voltage_v=3.0))
    view.feed(Chunk(0, np.full(100, sample, np.float32)))
    assert "2.0000 mA (2.0000 to 2.0000)" in shown(view)


def test_nothing_yet_is_no_error() -> None:
    """Before the first tenth of a second."""
    assert "nan" in shown(LiveView(HEAD))
