"""N6705: the driver by pyvisa against pyvisa-sim."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvisa

from tinybench.energy.drivers import n6705
from tinybench.energy.monitor import MonitorSpec
from tinybench.errors import MonitorError, TransportError, UsageError

PORT = "TCPIP0::192.168.1.20::inst0::INSTR"
SPEC = MonitorSpec(driver="n6705", port=PORT, rate_hz=1000.0)
# The simulator speaks UTF-8: numbers whose bytes are all below 0x80.
CURRENT_A, VOLTAGE_V = 0.0078125, 3.0
SAMPLES = 20
ANSWERS = {
    "*IDN?": "Keysight Technologies,N6705C,MY12345678,E.02.07.3",
    "SYST:CHAN?": "2",
    "SENS:ELOG:PER? (@1)": "+1.00000E-03",
    "SYST:ERR?": '+0,"No error"',
    "MEAS:VOLT? (@1)": "+3.00012E+00",
}


def block(values: list[float]) -> str:
    """Return numbers as a definite-length block, big-endian, for YAML."""
    data = struct.pack(f">{len(values)}f", *values)
    length = str(len(data))
    return f"#{len(length)}{length}" + "".join(f"\\x{octet:02x}" for octet in data)


def simulator(tmp_path: Path, answers: dict[str, str], fetched: str) -> Any:
    """Return a resource manager with one simulated instrument, which takes every command."""
    setters = ["*CLS", "OUTP ON,(@1)", "OUTP OFF,(@1)", "FORM REAL", "FORM:BORD NORM"]
    setters += ["VOLT 3.0000,(@1)", "SENS:SWE:TINT:RES RES20", "SENS:ELOG:PER 0.0010000,(@1)"]
    setters += ["TRIG:ELOG:SOUR IMM,(@1)", "INIT:ELOG (@1)", "TRIG:ELOG (@1)", "ABOR:ELOG (@1)"]
    for channel, on in ((1, "ON"), (2, "OFF")):
        for what in ("CURR", "VOLT"):
            setters.append(f"SENS:ELOG:FUNC:{what} {on},(@{channel})")
            setters.append(f"SENS:ELOG:FUNC:{what}:MINM OFF,(@{channel})")
    lines = ['spec: "1.1"', "devices:", "  analyzer:", "    eom:", "      TCPIP INSTR:"]
    lines += ['        q: "\\n"', '        r: "\\n"', "    error: ERROR", "    dialogues:"]
    lines += [f"      - q: '{setter}'" for setter in setters]
    for query, answer in answers.items():
        lines += [f"      - q: '{query}'", f"        r: '{answer}'"]
    lines += ["      - q: 'FETC:ELOG? 4096,(@1)'", f'        r: "{fetched}"']
    lines += ["resources:", f"  {PORT}:", "    device: analyzer"]
    path = tmp_path / "n6705.yaml"
    path.write_text("\n".join(lines) + "\n")
    return pyvisa.ResourceManager(f"{path}@sim")


def test_current_and_voltage_are_logged_as_pairs(tmp_path: Path) -> None:
    """Each sample has its own voltage; other outputs do not log."""
    manager = simulator(tmp_path, ANSWERS, block([CURRENT_A, VOLTAGE_V] * SAMPLES))
    monitor = n6705.open(SPEC, manager)
    head = monitor.head
    assert (head.monitor, head.serial, head.firmware) == ("N6705C", "MY12345678", "E.02.07.3")
    assert head.rate_hz == pytest.approx(1000)
    assert monitor.read_voltage() == pytest.approx(3.00012)
    monitor.power_on()
    monitor.start()
    count = 0
    for chunk in monitor.chunks():
        assert chunk.voltage_v is not None
        if len(chunk.samples):
            assert chunk.start_index == count
            assert np.all(chunk.samples == np.float32(CURRENT_A))
            assert np.all(chunk.voltage_v == np.float32(VOLTAGE_V))
        count += len(chunk.samples)
        if count > 100:
            monitor.stop()
    monitor.close()
    monitor.close()


@pytest.mark.parametrize(
    ("query", "answer", "words"),
    [
        ("*IDN?", "Keysight Technologies,34465A,MY1,A.02", "34465A"),
        ("SYST:ERR?", '-222,"Data out of range"', "Data out of range"),
        ("SENS:ELOG:PER? (@1)", "+5.00000E-03", "another output"),
        ("SENS:ELOG:PER? (@1)", "+9.91E+37", "no number"),
        ("SYST:CHAN?", "none", "no number"),
    ],
)
def test_a_wrong_answer_is_refused(tmp_path: Path, query: str, answer: str, words: str) -> None:
    """Another instrument, an error in its queue, a stretched time base, NaN."""
    manager = simulator(tmp_path, {**ANSWERS, query: answer}, block([]))
    with pytest.raises(MonitorError, match=words):
        n6705.open(SPEC, manager)


def test_readings_that_are_no_pairs_are_refused(tmp_path: Path) -> None:
    """An odd number of values would swap current and voltage."""
    monitor = n6705.open(SPEC, simulator(tmp_path, ANSWERS, block([CURRENT_A])))
    monitor.start()
    with pytest.raises(MonitorError, match="pairs"):
        list(monitor.chunks())
    monitor.close()


def test_what_it_cannot_do_is_said_before_it_is_opened(tmp_path: Path) -> None:
    """A rate, an output or an address that cannot be."""
    manager = simulator(tmp_path, ANSWERS, block([]))
    for wrong in (
        MonitorSpec(driver="n6705"),
        MonitorSpec(driver="n6705", port=PORT, rate_hz=50_000),
        MonitorSpec(driver="n6705", port=PORT, rate_hz=1000.0, channel=3),
    ):
        with pytest.raises(UsageError):
            n6705.open(wrong, manager)
    with pytest.raises(TransportError, match="address"):
        n6705.open(MonitorSpec(driver="n6705", port="somewhere"), manager)


def test_scpi_nan_is_a_gap() -> None:
    """9.91e37 is what SCPI says for no number."""
    values = np.array([1e-3, 9.91e37, 1e-3], np.float32)
    chunk = n6705._chunk(10, values, np.full(3, 3.0, np.float32), ())
    assert [(gap.start_index, gap.count) for gap in chunk.gaps] == [(11, 1)]
    assert np.isnan(chunk.samples[1])
