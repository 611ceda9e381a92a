"""A stored trace in the place of a monitor."""

from pathlib import Path

import numpy as np
import pytest

from tests.energy.test_lpm01a import joined
from tinybench.energy.monitor import MonitorSpec, open_monitor
from tinybench.energy.trace import Chunk, Edge, Gap, TraceHead, TraceWriter
from tinybench.errors import TraceError, UsageError


def test_what_was_recorded_comes_again(tmp_path: Path) -> None:
    """Samples, edges and gaps, in chunks."""
    samples = np.arange(200_000, dtype=np.float32) * 1e-6
    samples[100:110] = np.nan
    edges = (Edge(0.5), Edge(1.5), Edge(2.0))
    with TraceWriter(
        tmp_path / "energy.jls", TraceHead(rate_hz=1e5, unit="A", voltage_v=3.0)
    ) as to:
        to.write(Chunk(0, samples, None, edges, (Gap(100, 10),)))
    monitor = open_monitor(MonitorSpec(driver="replay", port=str(tmp_path / "energy.jls")))
    assert monitor.read_voltage() == 3.0
    monitor.start()
    chunks = list(monitor.chunks())
    assert len(chunks) > 1
    assert np.array_equal(joined(chunks), samples, equal_nan=True)
    assert [edge for chunk in chunks for edge in chunk.edges] == list(edges)
    assert [gap for chunk in chunks for gap in chunk.gaps] == [Gap(100, 10)]
    monitor.close()


def test_a_trace_must_be_named_and_be_there(tmp_path: Path) -> None:
    """The port is its path."""
    with pytest.raises(UsageError, match="path"):
        open_monitor(MonitorSpec(driver="replay"))
    with pytest.raises(TraceError, match="no such file"):
        open_monitor(MonitorSpec(driver="replay", port=str(tmp_path / "none.jls")))
