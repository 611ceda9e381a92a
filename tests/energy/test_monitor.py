"""Monitors: found by name, chosen by serial number, read in a thread, let go on every way out."""

from collections.abc import Iterator

import numpy as np
import pytest

from tinybench.energy.drivers import lpm01a
from tinybench.energy.monitor import Capture, Found, MonitorSpec, choose, drivers, open_monitor
from tinybench.energy.trace import Chunk, TraceHead
from tinybench.errors import MonitorError, TinybenchError, TransportError, UsageError

TWO = [Found("lpm01a", "X", "A1", "/dev/ttyACM0"), Found("lpm01a", "X", "B2", "/dev/ttyACM1")]


class Endless:
    """A monitor that samples until it is stopped, or breaks."""

    head = TraceHead(rate_hz=1000.0, unit="A")

    def __init__(self, breaks: bool = False) -> None:
        self.stopped = False
        self._breaks = breaks

    def power_on(self) -> None:
        """Do nothing."""

    def power_off(self) -> None:
        """Do nothing."""

    def read_voltage(self) -> float | None:
        """Know none."""
        return None

    def start(self) -> None:
        """Do nothing."""

    def chunks(self, silent_s: float = 3.0) -> Iterator[Chunk]:  # noqa: ARG002
        """Yield samples one by one."""
        index = 0
        while not self.stopped:
            if self._breaks and index == 100:
                raise MonitorError("broken")
            yield Chunk(index, np.zeros(1, np.float32))
            index += 1

    def stop(self) -> None:
        """End the chunks."""
        self.stopped = True

    def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("name", drivers())
def test_each_driver_can_be_asked_what_is_attached(name: str) -> None:
    """A driver is a module with `open` and `attached`, or says what to install."""
    from tinybench.energy import monitor

    try:
        assert monitor._driver(name).attached() == []
    except TinybenchError as error:
        assert "pip install" in str(error)


def test_an_unknown_monitor_names_the_nearest() -> None:
    """A spelling mistake gets the name that was meant."""
    with pytest.raises(UsageError, match="lpm01a"):
        open_monitor(MonitorSpec(driver="lpm01"))


def test_two_of_a_kind_need_a_choice() -> None:
    """The first one found is never taken for the one that was meant."""
    with pytest.raises(UsageError, match=r"A1 at /dev/ttyACM0; B2 at"):
        choose(TWO, MonitorSpec(driver="lpm01a"))
    assert choose(TWO, MonitorSpec(driver="lpm01a", serial="B2")) is TWO[1]
    assert choose(TWO[:1], MonitorSpec(driver="lpm01a")) is TWO[0]
    for found, serial in ((TWO, "C3"), ([], None)):
        with pytest.raises(UsageError, match="attached"):
            choose(found, MonitorSpec(driver="lpm01a", serial=serial))


def test_a_port_that_is_not_there_is_named() -> None:
    """The message says what to look at."""
    with pytest.raises(TransportError, match="/dev/tty-none"):
        lpm01a.open(MonitorSpec(driver="lpm01a", port="/dev/tty-none"))


def test_leaving_a_capture_stops_the_monitor() -> None:
    """Also when the runner fails; its own error is the one that is told."""
    for error in (None, ValueError("the DUT")):
        monitor, chunks = Endless(), []
        try:
            with Capture(monitor, chunks.append):
                while len(chunks) < 10:
                    pass
                if error:
                    raise error
        except ValueError as told:
            assert told is error
        assert monitor.stopped


def test_an_error_of_the_monitor_is_told_when_the_runner_looks() -> None:
    """What happens in the thread is not lost."""
    with pytest.raises(MonitorError, match="broken"), Capture(Endless(breaks=True), lambda _: None):
        pass
    with (
        pytest.raises(MonitorError, match="broken"),
        Capture(Endless(breaks=True), lambda _: None) as capture,
    ):
        _until_it_breaks(capture)


def _until_it_breaks(capture: Capture) -> None:
    while True:
        capture.check()
