"""Windows by a threshold of the current: the right ones, called so, or a reason."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinybench.energy.analysis import analyse
from tinybench.energy.examine import told
from tinybench.energy.segments import parse_level, segmented
from tinybench.energy.trace import Trace, TraceHead, memory_trace
from tinybench.errors import TraceError, UsageError
from tinybench.runner.cli import main

LOW_A, HIGH_A = 0.005, 0.012


def _trace(
    *bursts: tuple[float, float], rate_hz: float = 100_000.0, lasts_s: float = 4.0, unit: str = "A"
) -> Trace:
    """Return a noisy trace that is high in bursts; within them it falls for 0.2 ms every 5 ms."""
    times_s = (np.arange(round(lasts_s * rate_hz)) + 0.5) / rate_hz
    current = np.full(len(times_s), LOW_A)
    for start_s, stop_s in bursts:
        inside = (times_s >= start_s) & (times_s < stop_s)
        current[inside & ((times_s - start_s) % 5e-3 > 0.2e-3)] = HIGH_A
    current += np.random.default_rng(1).normal(0, 1e-3, len(current))
    scale = {"A": 1.0, "W": 3.0, "J": 3.0 / rate_hz, "uJ": 3e6 / rate_hz}[unit]
    head = TraceHead(rate_hz=rate_hz, unit=unit, voltage_v=3.0)
    return memory_trace(head, (current * scale).astype(np.float32), name="trace")


@pytest.mark.parametrize("unit", ["A", "W", "J", "uJ"])
@pytest.mark.parametrize("level", [None, "8mA"])
def test_bursts_become_windows(unit: str, level: str | None) -> None:
    """To a millisecond, though the current falls within them; one that is cut off is none."""
    if level and unit != "A":
        level = "24mW"
    trace = _trace((0.0, 0.3), (1.0, 1.5), (2.25, 2.75), (3.5, 4.0), unit=unit)
    found = told(segmented(trace, parse_level(level) if level else None), 10, None, None)
    assert found.windows_by == "threshold"
    assert [edge.time_s for window in found.windows for edge in window] == pytest.approx(
        [1.0, 1.5, 2.25, 2.75], abs=1e-3
    )
    analysis = analyse(found)
    assert analysis.valid
    true_j = 0.5 * 3 * (HIGH_A - (HIGH_A - LOW_A) * 0.2 / 5) / 10
    assert analysis.median_j is not None
    assert analysis.uncertainty_j is not None
    assert abs(analysis.median_j - true_j) < analysis.uncertainty_j < 0.01 * true_j


def test_unequal_segments_are_no_inferences_of_equal_number() -> None:
    """A fault where their number is told; else they are what they are."""
    trace = segmented(_trace((1.0, 1.5), (2.0, 2.2)))
    assert analyse(told(trace, None, None, None)).valid
    found = analyse(told(trace, 10, None, None))
    assert not found.valid
    assert "windows by threshold do not hold that many inferences each" in found.faults[0]
    assert found.median_j is None


def test_a_lost_sample_within_a_segment_is_counted() -> None:
    """A burst with a hole of 1 % is one segment, and no figure."""
    trace = _trace((1.0, 2.0))
    samples = np.array(trace.read(0, trace.count)[0])
    samples[150_000:151_000] = np.nan
    found = analyse(told(segmented(memory_trace(trace.head, samples)), None, None, None))
    assert len(found.windows) == 1
    assert "1000 of" in found.windows[0].faults[0]


@pytest.mark.parametrize(
    ("trace", "level", "words"),
    [
        (_trace(), None, "no two levels"),
        (_trace((1.0, 4.0)), None, "no segment above"),
        (_trace((1.0, 2.0)), "1A", "no segment above 1 A"),
        (memory_trace(TraceHead(rate_hz=1e3, unit="A"), np.full(9, np.nan)), None, "no sample"),
        (memory_trace(TraceHead(rate_hz=1e3, unit="A"), np.full(9, 1.0)), None, "no two levels"),
        (memory_trace(TraceHead(rate_hz=1e3, unit="A"), np.full(1, 1.0)), None, "no two levels"),
        (memory_trace(TraceHead(rate_hz=1e3, unit="A"), np.empty(0)), None, "no sample"),
        (memory_trace(TraceHead(rate_hz=1e6, unit="A"), np.linspace(0, 1, 9999)), None, "no two"),
    ],
)
def test_where_there_are_no_segments_that_is_said(
    trace: Trace, level: str | None, words: str
) -> None:
    """With what to try."""
    with pytest.raises(TraceError, match=words):
        segmented(trace, parse_level(level) if level else None)


def test_a_level_has_a_unit_of_the_trace() -> None:
    """Current or power, above zero."""
    with pytest.raises(UsageError, match="has samples of current; give it in A"):
        segmented(_trace((1.0, 2.0)), parse_level("20mW"))
    for text in ("", "x", "0", "-1mA", "1e999", "8.5 kA", "nan", "9" * 50):
        with pytest.raises(UsageError, match="give a current above 0"):
            parse_level(text)
    assert parse_level("8.5 mA").value == pytest.approx(8.5e-3)
    assert parse_level("500uA").value == pytest.approx(5e-4)


@given(
    st.lists(st.floats(allow_nan=True, width=32), min_size=1, max_size=300),
    st.sampled_from([10.0, 1e3, 1e5]),
)
@settings(deadline=None, max_examples=60)
def test_any_samples_make_windows_in_order_or_a_reason(
    samples: list[float], rate_hz: float
) -> None:
    """Whatever they are."""
    head = TraceHead(rate_hz=rate_hz, unit="A", voltage_v=3.0)
    trace = memory_trace(head, np.array(samples, np.float32))
    with np.errstate(all="ignore"):
        try:
            found = segmented(trace)
        except TraceError:
            return
    times_s = [edge.time_s for window in found.windows for edge in window]
    assert times_s == sorted(times_s)
    analyse(told(found, None, None, None))


def test_the_command_labels_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the terminal and in JSON, with the threshold; and says what belongs together."""
    path = tmp_path / "a.csv"
    rows = [f"{k / 1e3},{HIGH_A if 1000 <= k < 2000 else LOW_A},3" for k in range(3000)]
    path.write_text("time_s,current_a,voltage_v\n" + "\n".join(rows) + "\n")
    assert main(["energy", "analyse", str(path), "--segments", "--json"]) == 1
    whole = json.loads(capsys.readouterr().out)
    assert (whole["windows_by"], whole["mlperf"]) == ("threshold", False)
    assert whole["threshold"] == pytest.approx(8.5e-3)
    assert whole["tinybench"]["valid"]
    assert whole["tinybench"]["median_j"] == pytest.approx(36e-3, rel=1e-3)
    words = ["energy", "analyse", str(path), "--segments", "--threshold", "6mA"]
    assert main(words) == 1
    shown = capsys.readouterr().out
    assert "by threshold of 0.006" in shown
    assert "never an MLPerf result" in shown
    assert main([*words, "--window", "1:2"]) == 2
    assert "not both" in capsys.readouterr().err
    assert main(["energy", "analyse", str(path), "--threshold", "6mA"]) == 2
    assert "give --segments" in capsys.readouterr().err
