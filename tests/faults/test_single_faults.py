"""One fault on the line at a time: a clear error, never a wrong result or a hang."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.line import FaultyLine, Rewrite
from tinybench.errors import BenchError, DeadlineError, ProtocolError
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.line import Line, Patience, Tally
from tinybench.runner.dut.text_link import TextLink
from tinybench.transport.process import ProcessTransport

INPUT = bytes(range(1, 206)) + bytes(285)
BANNER = b"m-timestamp-mode-performance\r\nm-lap-us-1\r\nm-init-done\r\nm-ready\r\n"


def _replace(pattern: bytes, by: bytes) -> Rewrite:
    return lambda data: re.sub(pattern, by, data)


REPLY_FAULTS: dict[str, tuple[Rewrite, type[BenchError]]] = {
    "silence": (lambda _: b"", DeadlineError),
    "half a line": (lambda data: data[: len(data) // 2], DeadlineError),
    "no m-ready": (_replace(rb"m-ready\r\n", b""), DeadlineError),
    "bytes above 0x7F": (_replace(rb"m-infer", b"m-inf\xff\x80"), ProtocolError),
    "a control character": (_replace(rb"m-infer", b"m-in\x00fer"), ProtocolError),
    "the boot banner first": (lambda data: BANNER + data, ProtocolError),
    "the boot banner instead": (lambda _: BANNER, ProtocolError),
    "a line lost": (_replace(rb"m-infer-done\r\n", b""), ProtocolError),
    "a line doubled": (_replace(rb"(m-infer-done\r\n)", rb"\1\1"), ProtocolError),
    "lines swapped": (
        _replace(rb"(m-warmup-done\r\n)(m-infer-start-7\r\n)", rb"\2\1"),
        ProtocolError,
    ),
    "another count": (_replace(rb"m-infer-start-7\r", b"m-infer-start-70\r"), ProtocolError),
    "results cut": (_replace(rb"(m-results-\[[0-9.]+),.*\]", rb"\1"), ProtocolError),
    "results not a number": (_replace(rb"m-results-\[0", b"m-results-[O"), ProtocolError),
    "a time stamp lost": (_replace(rb"m-lap-us-[0-9]+\r\nm-infer", b"m-infer"), ProtocolError),
    "a time stamp damaged": (_replace(rb"m-lap-us-", b"m-lap-us--"), ProtocolError),
    "an endless line": (lambda data: data.replace(b"\n", b" ") + b"x" * 600_000, ProtocolError),
}


@pytest.fixture
def line(core: Path) -> Iterator[FaultyLine]:
    """The core behind a line that is still good."""
    faulty = FaultyLine(ProcessTransport([str(core)]))
    yield faulty
    faulty.close()


PATIENCE = Patience(reply_s=0.5)


def _text_link(line: FaultyLine) -> TextLink:
    Dut(line, fast=False).handshake()
    return TextLink(Line(line, Tally()), PATIENCE, verify=False)


@pytest.mark.parametrize("fault", REPLY_FAULTS)
def test_a_fault_in_the_reply_to_infer_is_refused(line: FaultyLine, fault: str) -> None:
    """Nothing but the whole, expected reply becomes a result."""
    rewrite, error = REPLY_FAULTS[fault]
    link = _text_link(line)
    link.load(INPUT)
    line.to_host = rewrite
    with pytest.raises(error, match=r"infer|line"):
        link.window(7, 1, 0.5)


LOAD_FAULTS: dict[str, tuple[Rewrite, Rewrite]] = {
    # name: what happens on the way to the DUT, and on the way back
    "a digit lost": (_replace(rb"db 01", b"db 1"), lambda data: data),
    "a digit no hex digit": (_replace(rb"db 01", b"db z1"), lambda data: data),
    "a byte lost": (_replace(rb"db 01", b"db "), lambda data: data),
    "a byte doubled": (_replace(rb"db 0102", b"db 010102"), lambda data: data),
    "a terminator lost": (_replace(rb"%", b""), lambda data: data),
    "a terminator added": (_replace(rb"db 0102", b"db 01%02"), lambda data: data),
    "a command unknown": (_replace(rb"db 01", b"dc 01"), lambda data: data),
    "the size changed": (_replace(rb"load 490", b"load 49"), lambda data: data),
    "the size in the reply changed": (lambda data: data, _replace(rb"490", b"491")),
    "m-load-done lost": (lambda data: data, _replace(rb"m-load-done\r\n", b"")),
    "m-load-done early": (lambda data: data, _replace(rb"m-ready", b"m-load-done\r\nm-ready")),
    "silence": (lambda data: data, lambda _: b""),
    "the boot banner": (lambda data: data, lambda data: BANNER + data),
}


@pytest.mark.parametrize("fault", LOAD_FAULTS)
def test_a_fault_in_an_upload_is_refused(line: FaultyLine, fault: str) -> None:
    """A short, long or unheard upload never becomes an input."""
    link = _text_link(line)
    line.to_dut, line.to_host = LOAD_FAULTS[fault]
    with pytest.raises(BenchError, match="db"):
        link.load(INPUT)


NOISE = {
    "half a line": b"m-infer-do",
    "bytes above 0x7F": b"\xff\x80\xf8\r\n",
    "the boot banner": BANNER,
    "an old reply": b"m-results-[0.1]\r\nm-ready\r\n",
}


@pytest.mark.parametrize("noise", NOISE)
def test_noise_before_the_handshake_does_not_shift_the_replies(
    line: FaultyLine, noise: str
) -> None:
    """17 of 76 published logs needed several tries because a banner shifted every reply by one."""
    left = [NOISE[noise]]
    line.to_host = lambda data: (left.pop() if left else b"") + data
    dut = Dut(line)
    assert dut.handshake().model_id == "fake01"
    assert dut.infer(INPUT, 1, 0).results.startswith("0.")


def test_a_clock_that_wraps_within_the_window_gives_the_right_time(line: FaultyLine) -> None:
    """m-lap-us counts 32 bits of microseconds: 71.6 minutes."""
    link = _text_link(line)
    link.load(INPUT)
    stamps = [b"m-lap-us-4294967290", b"m-lap-us-10"]
    line.to_host = _replace(rb"m-lap-us-[0-9]+", lambda _: stamps.pop(0))  # type: ignore[arg-type]
    assert link.window(1, 0, 5.0)[0].elapsed_us == 16
