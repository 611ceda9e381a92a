"""What simulated instruments measure, and the ports that they are behind."""

import time
from contextlib import closing

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tinybench.energy.line import SerialLine
from tinybench.energy.monitor import MonitorSpec, open_monitor
from tinybench.energy.simulated.instrument import FAULTS, instrument
from tinybench.energy.simulated.load import Blinking, Load, Windows
from tinybench.energy.simulated.port import PseudoPort
from tinybench.energy.trace import Edge
from tinybench.errors import DeadlineError, TransportError, UsageError


class Parrot:
    """A device that repeats what it hears, or never falls silent, or unplugs itself."""

    def __init__(self, *, endless: bool = False, unplugs: bool = False) -> None:
        self._endless = endless
        self._unplugs = unplugs

    def hear(self, data: bytes) -> bytes:
        """Repeat."""
        return data

    def speak(self, now_s: float, room_b: int) -> bytes:  # noqa: ARG002
        """Talk, or be silent, or vanish."""
        if self._unplugs:
            raise OSError("unplugged")
        return b"x" if self._endless else b""

    def overflow(self) -> bytes:
        """Drop what nobody reads."""
        return b""


@given(start_s=st.floats(0, 100), dt_s=st.floats(1e-6, 0.5), count=st.integers(1, 50))
def test_means_of_the_current_add_up_to_its_charge(start_s: float, dt_s: float, count: int) -> None:
    """However the time is cut into samples."""
    loads: tuple[Load, ...] = (Blinking(), Windows())
    for load in loads:
        fine = load.current_a(start_s, dt_s, count)
        (coarse,) = load.current_a(start_s, dt_s * count, 1)
        assert fine.mean() == pytest.approx(coarse, rel=1e-6)
        assert np.all(fine > 0.99e-3)
        assert np.all(fine < 5.01e-3)


@given(cut_s=st.floats(0, 8))
@example(cut_s=2.0)
def test_each_edge_is_told_once(cut_s: float) -> None:
    """At whatever time one asks."""
    loads: tuple[Load, ...] = (Blinking(), Windows())
    for load in loads:
        whole = list(load.falling_s(0, 8))
        assert [*load.falling_s(0, cut_s), *load.falling_s(cut_s, 8)] == whole
        assert whole[:3] == [0.5, 1.0, 2.0]


def test_a_line_that_never_falls_silent_is_said() -> None:
    """Draining has a deadline."""
    with PseudoPort(Parrot(endless=True)) as port:
        line = SerialLine(port.path, 115200)
        with pytest.raises(DeadlineError, match="does not fall silent"):
            line.drain(0.3, 0.3)
        line.close()


def test_an_unplugged_instrument_is_said() -> None:
    """Its port vanishes."""
    with PseudoPort(Parrot(unplugs=True)) as port:
        time.sleep(0.1)
        with pytest.raises(TransportError):
            SerialLine(port.path, 115200).read(1.0)


@pytest.mark.parametrize("name", FAULTS)
def test_an_instrument_is_started_by_its_name(name: str) -> None:
    """What it yields is what a spec has as its port."""
    with instrument(name, Blinking()) as port:
        assert port.startswith("/dev/") != (":" in port)


@pytest.mark.parametrize("name", FAULTS)
def test_edges_that_are_too_near_are_one(name: str) -> None:
    """Of 20 us: nearer than a sample, or within the pulse of the first."""
    load = Windows(windows_s=((1.0, 1.00002), (2.0, 2.1)))
    with (
        instrument(name, load, real_time=False) as port,
        closing(open_monitor(MonitorSpec(driver=name, port=port))) as monitor,
    ):
        edges, count = list[Edge](), 0
        monitor.power_on()
        monitor.start()
        for chunk in monitor.chunks():
            edges += chunk.edges
            count += len(chunk.samples)
            if count > 2.5 * monitor.head.rate_hz:
                monitor.stop()
    assert [round(edge.time_s, 2) for edge in edges] == [0.5, 1.0, 2.0, 2.1]


def test_an_unknown_instrument_or_fault_names_the_nearest() -> None:
    """A spelling mistake gets the name that was meant."""
    with pytest.raises(UsageError, match="did you mean 'ppk2'"), instrument("ppk", Blinking()):
        pass
    wrong = frozenset({"no licens"})
    with pytest.raises(UsageError, match="licence"), instrument("otii", Blinking(), wrong):
        pass


def test_a_system_without_pseudo_terminals_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may have none: what is missing is named."""

    def none_left() -> tuple[int, int]:
        raise OSError("out of pty devices")

    monkeypatch.setattr("pty.openpty", none_left)
    with pytest.raises(TransportError, match=r"out of pty devices; see that /dev/pts"):
        PseudoPort(Parrot())
