"""Otii: the maker's own client and our driver against the simulated server."""

import sys

import numpy as np
import pytest

from tests.energy.test_lpm01a import joined
from tests.faults.monitors import LOAD, run_otii
from tinybench.energy.drivers import otii
from tinybench.energy.monitor import MonitorSpec
from tinybench.energy.simulated.otii import SimulatedOtii
from tinybench.energy.simulated.scene import Scene
from tinybench.errors import MonitorError, ToolMissingError, TransportError, UsageError


@pytest.mark.parametrize("model", ["Arc", "Ace"])
def test_windows_of_both_models_are_right(model: str) -> None:
    """4 and 50 kS/s of current; the Arc measures voltage at a quarter of that."""
    assert run_otii("", model).verdict == "right"


def test_the_licence_is_given_back_and_the_supply_is_off() -> None:
    """Whatever happens between."""
    with SimulatedOtii(Scene(LOAD)) as server:
        monitor = otii.open(MonitorSpec(driver="otii", port=server.address))
        assert (monitor.head.monitor, monitor.head.serial) == ("Otii Ace", "Ace0001")
        assert server.reserved
        monitor.power_on()
        assert server.supply.on
        assert monitor.read_voltage() == pytest.approx(3.0)
        monitor.close()
        assert not server.supply.on
        assert not server.reserved


def test_samples_come_while_it_records() -> None:
    """Chunks follow each other, each sample with its voltage."""
    with SimulatedOtii(Scene(LOAD)) as server:
        monitor = otii.open(MonitorSpec(driver="otii", port=server.address))
        monitor.start()
        chunks = []
        for chunk in monitor.chunks():
            chunks.append(chunk)
            if sum(len(one.samples) for one in chunks) > 20_000:
                monitor.stop()
        monitor.close()
    assert len(joined(chunks)) > 20_000
    assert all(chunk.voltage_v is not None and np.all(chunk.voltage_v == 3) for chunk in chunks)


def test_the_board_gets_the_voltage_that_is_asked_for() -> None:
    """And the samples are of that."""
    with SimulatedOtii(Scene(LOAD)) as server:
        monitor = otii.open(MonitorSpec(driver="otii", port=server.address, voltage_v=3.3))
        monitor.start()
        first = next(chunk for chunk in monitor.chunks() if len(chunk.samples))
        monitor.close()
    assert first.voltage_v is not None
    assert np.all(first.voltage_v == 3.3)


def test_no_server_is_said_with_what_to_do() -> None:
    """The TCP server is off by default."""
    with SimulatedOtii(Scene(LOAD)) as server:
        address = server.address
    with pytest.raises(TransportError, match="switch its TCP server on"):
        otii.open(MonitorSpec(driver="otii", port=address))
    with pytest.raises(UsageError, match="host:port"):
        otii.open(MonitorSpec(driver="otii", port="somewhere"))


def test_the_rate_is_at_most_the_instruments() -> None:
    """An Arc takes 4000 samples a second."""
    with SimulatedOtii(Scene(LOAD), model="Arc") as server:
        with pytest.raises(UsageError, match="4000"):
            otii.open(MonitorSpec(driver="otii", port=server.address, rate_hz=50_000))
        assert not server.reserved


def test_a_refusal_is_told_in_the_servers_words() -> None:
    """The maker's client raises many kinds of errors; they become ours."""
    with SimulatedOtii(Scene(LOAD, frozenset({"no main"}))) as server:
        monitor = otii.open(MonitorSpec(driver="otii", port=server.address))
        with pytest.raises(MonitorError, match="over temperature"):
            monitor.power_on()
        monitor.close()


def test_a_missing_library_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The maker's client is an extra."""
    monkeypatch.setitem(sys.modules, "otii_tcp_client.otii", None)
    with pytest.raises(ToolMissingError, match=r"install -e '\S*\[otii\]'"):
        otii.open(MonitorSpec(driver="otii"))
