"""The paced line carries every byte, never faster than its wire."""

import os
import select
import time
from pathlib import Path

import pytest

from tests.link.bare_client import open_port
from tests.link.paced_line import build, paced_line

EVERY_BYTE = bytes(range(256))


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program."""
    return build(tmp_path_factory.mktemp("line"))


def _echo(baud: int) -> list[str]:
    """A device that sends back what it gets, after a byte that says so (which may be garbled)."""
    return ["sh", "-c", f"stty raw -echo {baud}; echo; exec cat"]


def _read(port: int, count: int, timeout_s: float = 120) -> bytes:
    """Read `count` bytes, or what has come until `timeout_s` passed without any."""
    data = b""
    while len(data) < count and select.select([port], [], [], timeout_s)[0]:
        data += os.read(port, count - len(data))
    return data


@pytest.mark.parametrize("baud", [9600, 921600])
def test_every_byte_arrives_and_takes_its_time(line: Path, baud: int) -> None:
    """There and back takes at least ten bits a byte, and one byte more; no byte is changed."""
    data = EVERY_BYTE * (1 if baud == 9600 else 40)
    with paced_line(line, _echo(baud)) as path, open_port(path, baud) as port:
        _read(port, 1)
        start_s = time.monotonic()
        os.write(port, data)
        assert _read(port, len(data)) == data
        assert time.monotonic() - start_s >= (len(data) + 1) * 10 / baud


def test_ends_at_different_rates_do_not_understand_each_other(line: Path) -> None:
    """A byte sent at 921600 baud is too short to have bits for a receiver at 115200."""
    with paced_line(line, _echo(115200)) as path, open_port(path, 115200) as port:
        _read(port, 1)
        with open_port(path, 921600):
            os.write(port, b"name%")
            seen = _read(port, 5, timeout_s=1)
        assert seen != b"name%"
        assert set(seen) <= {0x00, 0x80, 0xFF}


def test_an_adapter_holds_a_short_reply_and_sends_a_full_packet(line: Path) -> None:
    """FTDI: 62 bytes go at once; fewer wait until the latency timer has run out."""
    latency_ms = 600
    with (
        paced_line(line, _echo(921600), latency_ms=latency_ms) as path,
        open_port(path, 921600) as port,
    ):
        _read(port, 1)
        start_s = time.monotonic()
        os.write(port, EVERY_BYTE[:70])
        assert _read(port, 62) == EVERY_BYTE[:62]
        assert _read(port, 8) == EVERY_BYTE[62:70]
        assert time.monotonic() - start_s >= latency_ms / 1000


def test_a_noisy_line_changes_some_bytes_and_loses_none(line: Path) -> None:
    """One byte in 50, there and back."""
    data = bytes(4000)
    with (
        paced_line(line, _echo(921600), noise_b=50) as path,
        open_port(path, 921600) as port,
    ):
        _read(port, 1)
        os.write(port, data)
        seen = _read(port, len(data))
    changed = sum(byte != 0 for byte in seen)
    assert len(seen) == len(data)
    assert 80 <= changed <= 240
