"""Joulescope: messages to chunks, whatever is lost, doubled or damaged; the driver object."""

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.energy.test_lpm01a import insist_nan_only_in_gaps, joined
from tinybench.energy.drivers import joulescope
from tinybench.energy.drivers.joulescope import Merge
from tinybench.energy.monitor import MonitorSpec
from tinybench.energy.simulated.joulescope import SimulatedJoulescope
from tinybench.energy.simulated.load import Windows
from tinybench.energy.simulated.scene import Scene
from tinybench.energy.trace import Chunk
from tinybench.errors import MonitorError, ToolMissingError, UsageError

FIRST = 1_000_000


def message(tick: int, data: Any, step: int = 2) -> dict[str, Any]:
    """Return a message as the maker's driver gives it."""
    return {"sample_id": tick, "sample_rate": 2_000_000, "decimate_factor": step, "data": data}


def messages(count: int, size: int = 1000) -> list[tuple[str, dict[str, Any]]]:
    """Return messages of current, voltage and input; pin low from bit 3000 to 3100."""
    bits = np.ones(2 * count, np.uint8)
    bits[3000:3100] = 0
    out = []
    for index in range(0, count, size):
        tick = FIRST + 2 * index
        ramp = np.arange(index, index + size, dtype=np.float32) * 1e-6
        out.append(("v", message(tick, np.full(size, 3.0, np.float32))))
        out.append(("i", message(tick, ramp)))
        packed = np.packbits(bits[2 * index : 2 * (index + size)], bitorder="little")
        out.append(("gpi", message(tick, packed, 1)))
    return out


def merged(feed: list[tuple[str, dict[str, Any]]], edge: str = "falling") -> list[Chunk]:
    """Return all chunks of messages."""
    merge = Merge(1e6, edge)
    chunks = []
    for kind, one in feed:
        merge.feed(kind, one)
        chunks.append(merge.take())
    merge.finish()
    return [chunk for chunk in [*chunks, merge.take()] if chunk is not None]


def test_three_signals_become_one_time_axis() -> None:
    """Sample 0 is the first of current; the edge falls between two bits of half a sample."""
    chunks = merged(messages(5000))
    assert joined(chunks) == pytest.approx(np.arange(5000) * 1e-6)
    assert all(chunk.voltage_v is not None and np.all(chunk.voltage_v == 3) for chunk in chunks)
    (edge,) = [edge for chunk in chunks for edge in chunk.edges]
    assert edge.time_s == pytest.approx(2999.5 / 2e6)
    assert edge.uncertainty_s == pytest.approx(0.25e-6)


@pytest.mark.parametrize("kind", ["i", "v", "gpi"])
def test_a_jump_of_sample_id_is_a_gap(kind: str) -> None:
    """Of any of the three: without current, voltage or input nothing is known."""
    feed = messages(6000)
    lost = [one for one in feed if one[0] == kind][2]
    chunks = merged([one for one in feed if one is not lost])
    gaps = [(gap.start_index, gap.count) for chunk in chunks for gap in chunk.gaps]
    assert gaps[0][0] == 2000
    assert sum(count for _, count in gaps) in (1000, 1001)
    insist_nan_only_in_gaps(chunks)
    assert len(joined(chunks)) == 6000


def test_padding_after_the_last_bit_is_no_edge() -> None:
    """A message of bits ends where the next one begins."""
    feed = [
        (kind, {**one, "data": np.append(one["data"], np.uint8(0))} if kind == "gpi" else one)
        for kind, one in messages(5000)
    ]
    assert sum(len(chunk.edges) for chunk in merged(feed)) == 1


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_damaged_messages_are_gaps_or_our_errors(data: st.DataObject) -> None:
    """Lost, doubled, shuffled and damaged ones."""
    feed = messages(5000, 500)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(feed) - 1))
        kind, one = feed[at]
        what = data.draw(st.sampled_from(("lose", "double", "tick", "step", "nan", "keys", "swap")))
        if what == "lose" and len(feed) > 1:
            del feed[at]
        elif what == "double":
            feed.insert(at, feed[at])
        elif what == "tick":
            feed[at] = (kind, {**one, "sample_id": data.draw(st.integers(0, 2**40))})
        elif what == "step":
            feed[at] = (kind, {**one, "decimate_factor": data.draw(st.integers(-1, 5))})
        elif what == "nan" and kind != "gpi":
            feed[at] = (kind, {**one, "data": np.full(500, np.nan, np.float32)})
        elif what == "keys":
            feed[at] = (
                kind,
                {k: one[k] for k in ("data",) if k in one} if data.draw(st.booleans()) else {},
            )
        elif what == "swap":
            other = data.draw(st.integers(0, len(feed) - 1))
            feed[at], feed[other] = feed[other], feed[at]
    try:
        chunks = merged(feed)
    except MonitorError:
        return
    insist_nan_only_in_gaps(chunks)
    for chunk in chunks:
        assert chunk.voltage_v is not None
        assert len(chunk.voltage_v) == len(chunk.samples)


def test_the_instrument_says_what_it_is() -> None:
    """Model, serial number and firmware are in the head; the supply line is open at first."""
    device = SimulatedJoulescope(Scene(Windows()))
    monitor = joulescope.open(MonitorSpec(driver="joulescope"), device)
    head = monitor.head
    assert (head.monitor, head.serial, head.firmware) == ("JS220", "000415", "1.2.3")
    assert not device.supply.on
    monitor.power_on()
    assert device.supply.on
    monitor.close()
    assert not device.supply.on


def test_an_input_it_does_not_have_is_a_mistake_of_usage() -> None:
    """A JS110 has two inputs."""
    device = SimulatedJoulescope(Scene(Windows()), model="js110")
    with pytest.raises(UsageError, match="0 to 1"):
        joulescope.open(MonitorSpec(driver="joulescope", pin=2), device)


def test_a_missing_library_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The maker's driver is an extra."""
    monkeypatch.setitem(sys.modules, "pyjoulescope_driver", None)
    with pytest.raises(ToolMissingError, match=r"install -e '\S*\[joulescope\]'"):
        joulescope.open(MonitorSpec(driver="joulescope"))
