"""The live view: what is now, and was lately."""

import io

import numpy as np
import pytest
from rich.console import Console

from tinybench.energy.tally import Tally
from tinybench.energy.trace import Chunk, Edge, Gap, TraceHead
from tinybench.runner.report.live.view import BARS, LiveView

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
    assert "so far" in text
    assert f"{BARS[7]} 0 to " in text, "the scale of the bars"
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


def test_charge_and_energy_are_summed_up_in_all_and_between_markers() -> None:
    """2 mA at 3 V for 3.6 s, then 1 mA for 3.6 s, of which 0.6 s are lost."""
    view = LiveView(HEAD)
    assert view.summary() == ["0.000 s, 0 samples, 0 lost, 0 edges, 0 markers"]
    view.feed(Chunk(0, np.full(3600, 2e-3, np.float32)))
    assert view.line().split()[11:15] == ["0.002", "mAh", "6", "uWh"]
    assert view.mark("idle") == "idle"
    view.feed(Chunk(3600, np.full(1000, 1e-3, np.float32)))
    view.feed(Chunk(5200, np.full(2000, 1e-3, np.float32)))
    assert view.mark("") == "2"
    text = "\n".join(view.summary())
    assert "7.200 s, 6600 samples, 600 lost, 0 edges, 2 markers" in text
    assert "in all 0.00283333 mAh  8.5 uWh (0.0102 C, 0.0306 J), without 600 lost" in text
    assert "from the start (0.00 s) on: 3.60 s, 0.002 mAh  6 uWh (0.0072 C, 0.0216 J)" in text
    assert "from idle (3.60 s) on: 3.60 s, 0.000833333 mAh  2.5 uWh (0.003 C, 0.009 J)" in text
    assert "from 2 (7.20 s) on: 0.00 s" in text
    assert "current 1.5455 mA in the mean, 1.0000 to 2.0000 mA" in text
    assert "2, the last 2 at 7.20 s" in shown(view)


@pytest.mark.parametrize(
    ("head", "chunk", "charge_c", "energy_j"),
    [
        (HEAD, Chunk(0, np.full(500, 2e-3)), 1e-3, 3e-3),
        (HEAD, Chunk(0, np.full(500, 2e-3), np.full(500, 2.0)), 1e-3, 2e-3),
        (TraceHead(rate_hz=1e3, unit="A"), Chunk(0, np.full(500, 2e-3)), 1e-3, None),
        (TraceHead(rate_hz=1e3, unit="W"), Chunk(0, np.full(500, 2e-3)), None, 1e-3),
        (TraceHead(rate_hz=1e3, unit="J", voltage_v=2.0), Chunk(0, np.full(500, 2e-6)), 5e-4, 1e-3),
        (TraceHead(rate_hz=1e3, unit="uJ"), Chunk(0, np.full(500, 2.0)), None, 1e-3),
    ],
)
def test_sums_are_of_what_is_known(
    head: TraceHead, chunk: Chunk, charge_c: float | None, energy_j: float | None
) -> None:
    """Without a voltage a current is no energy, and an energy no charge."""
    tally = Tally(head)
    tally.add(chunk)
    assert (tally.charge_c, tally.energy_j) == (pytest.approx(charge_c), pytest.approx(energy_j))
    assert ("? uWh" in tally.line(), "? mAh" in tally.line()) == (
        energy_j is None,
        charge_c is None,
    )
    tally.add(Chunk(500, np.empty(0, np.float32), None, (), (Gap(100, 50),)))
    assert (tally.samples, tally.lost) == (500, 50)
