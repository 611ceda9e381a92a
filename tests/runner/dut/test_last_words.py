"""A DUT that dies, falls silent or is none: the error says what it said, and what it is."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.line import FaultyLine
from tests.link.paced_line import build, paced_line
from tinybench.errors import BenchError, CrashError, DeadlineError, ProtocolError
from tinybench.runner.dut import line as dut_line
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.line import Patience
from tinybench.transport.process import ProcessTransport
from tinybench.transport.serial_port import SerialTransport

INPUT = bytes(range(1, 206)) + bytes(285)
IMPATIENT = Patience(reply_s=0.3, name_s=0.2, noise_s=0.5, inference_s=0.3, tries=5)
UNHEARD = Patience(reply_s=0.3, name_s=0.2, noise_s=0.5, inference_s=600.0, tries=5)
"""Whoever waits for the inference waits for ten minutes."""
DUMP = b"\r\n++ MbedOS Fault Handler ++\r\n\r\nFaultType: HardFault\r\n\r\nPC: 08001234\r\n"


@pytest.fixture
def line(core: Path) -> Iterator[FaultyLine]:
    """The core behind a line that is still good."""
    faulty = FaultyLine(ProcessTransport([str(core)]))
    yield faulty
    faulty.close()


def _dies(line: FaultyLine, words: bytes) -> None:
    """From the next `infer` on nothing comes any more but, once, these words."""
    said: list[bytes] = []

    def to_host(data: bytes) -> bytes:
        if not said and b"m-infer-start" not in data and b"\x82" not in data:
            return data
        said.append(data)
        return words if len(said) == 1 else b""

    line.to_host = to_host


@pytest.mark.parametrize("fast", [False, True])
def test_a_crash_ends_the_wait_and_is_shown(
    line: FaultyLine, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after the ten minutes that an inference might take; the dump is in the message."""
    monkeypatch.setattr(dut_line, "CRASH_S", 0.1)
    dut = Dut(line, fast=fast, patience=UNHEARD)
    dut.handshake()
    if fast:
        line.to_host = lambda data: DUMP if b"\0" in data else b""
    else:
        _dies(line, b"m-warmup-start-0\r\n" + DUMP)
    with pytest.raises(CrashError, match=r"HardFault.*PC: 08001234.*does not answer any more"):
        dut.infer(INPUT, 1, 0)


def test_a_crash_that_the_dut_comes_back_from_is_survived(
    line: FaultyLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once; the same again is its end."""
    monkeypatch.setattr(dut_line, "CRASH_S", 0.1)
    dut = Dut(line, fast=False, patience=UNHEARD)
    dut.handshake()
    left = [DUMP]
    line.to_host = lambda data: left.pop() if left and b"m-infer-start" in data else data
    assert dut.infer(INPUT, 1, 0).results
    assert dut.tally.retries == 1
    line.to_host = lambda data: DUMP if b"m-infer-start" in data else data
    with pytest.raises(CrashError, match="given up after 2 retries"):
        dut.infer(INPUT, 2, 0)


def test_a_dut_that_restarts_after_a_crash_is_waited_for(line: FaultyLine) -> None:
    """As one of Espressif does: the dump, its loader's banner, and then its own."""
    dut = Dut(line, fast=False, patience=UNHEARD)
    dut.handshake()
    left = [b"Guru Meditation Error: Core  0 panic'ed\r\nets Jul 29 2019 12:21:46\r\n"]
    line.to_host = lambda data: left.pop() if left and b"m-infer-start" in data else data
    assert dut.infer(INPUT, 1, 0).results
    assert (dut.tally.retries, dut.tally.restarts) == (1, 1)


def test_what_a_silent_dut_said_last_is_shown(line: FaultyLine) -> None:
    """Words that nobody knows are shown all the same."""
    dut = Dut(line, fast=False, patience=IMPATIENT)
    dut.handshake()
    _dies(line, b"m-warmup-start-0\r\nlayer 7: out of coffee\r\n")
    with pytest.raises(DeadlineError, match=r"what it said before: .*out of coffee"):
        dut.infer(INPUT, 1, 0)


def test_a_fault_before_the_handshake_is_named(line: FaultyLine) -> None:
    """Firmware that cannot begin says why, once."""
    left = [b"AllocateTensors() failed\r\n"]
    line.to_host = lambda _: left.pop() if left else b""
    with pytest.raises(DeadlineError, match=r"2 times.*AllocateTensors\(\) failed.*has crashed"):
        Dut(line, patience=IMPATIENT).handshake()


def test_a_line_that_sends_everything_back_is_named() -> None:
    """TX and RX joined, or a terminal that echoes."""
    line = ProcessTransport(["cat"])
    try:
        with pytest.raises(DeadlineError, match="sends back what it is sent"):
            Dut(line, patience=IMPATIENT).handshake()
    finally:
        line.close()


def test_an_energy_build_is_named(line: FaultyLine) -> None:
    """It prints no time stamps."""
    dut = Dut(line, fast=False, patience=IMPATIENT)
    dut.handshake()
    line.to_host = lambda data: re.sub(rb"m-lap-us-[0-9]+\r\n", b"", data)
    with pytest.raises(ProtocolError, match="energy build"):
        dut.infer(INPUT, 1, 0)


def test_an_echo_is_read_through_and_counted(line: FaultyLine) -> None:
    """As of a terminal: every command stands before its reply."""
    dut = Dut(line, fast=False)
    dut.handshake()
    sent: list[bytes] = []
    line.to_dut = lambda data: (sent.append(data), data)[1]

    def to_host(data: bytes) -> bytes:
        if not data:
            return data
        echo, sent[:] = b"".join(sent), []
        return echo + data

    line.to_host = to_host
    assert dut.infer(INPUT, 1, 0).results.startswith("0.")
    assert dut.talk.echoes > 10
    assert dut.talk.lines == dut.talk.echoes
    assert dut.tally.retries == 0


def test_talk_among_frames_is_read_through(line: FaultyLine) -> None:
    """A log before an answer costs nothing: the frame behind it has a check sum of its own."""
    dut = Dut(line)
    dut.handshake()
    line.to_host = lambda data: b"I (342) nn: m\xc2\xb5\n" + data if b"\0" in data else data
    assert dut.protocol == "frames"
    assert dut.infer(INPUT, 3, 1).iterations == 3
    assert (dut.tally.retries, dut.tally.resent_frames) == (0, 0)


def test_another_version_of_the_protocol_is_noted(line: FaultyLine) -> None:
    """It is no reason to refuse a DUT."""
    line.to_host = lambda data: data.replace(b"V0.0.1]", b"V9.0.0]")
    dut = Dut(line)
    assert dut.handshake().profile == "ULPMark for tinyML Firmware V9.0.0"
    assert dut.profile == "ULPMark for tinyML Firmware V9.0.0"


@pytest.mark.parametrize("baud", [9600, 921_600])
def test_another_rate_is_found_and_named(core: Path, tmp_path: Path, baud: int) -> None:
    """The DUT talks at a usual rate, and it is not the one that was asked for."""
    patience = Patience(reply_s=1.0, name_s=1.0, name_tries=2, noise_s=1.0)
    device = ["sh", "-c", f"stty raw -echo {baud}; exec {core}"]
    with paced_line(build(tmp_path), device) as path:
        port = SerialTransport(path, 115_200)
        try:
            with pytest.raises(BenchError, match=f"give --baud {baud}"):
                Dut(port, patience=patience).handshake()
        finally:
            port.close()
