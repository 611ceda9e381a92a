"""The host's port on a terminal: every byte passes, and the rate is changed and changed back."""

import os
import pty
import struct
import subprocess
import termios
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

import pytest

from tests.firmware.dut_process import READY, DutProcess
from tinybench.runner.dut import frames
from tinybench.runner.dut.frames import Frame

DEADLINE_S = 120.0
BOOT = termios.B38400  # what a new pseudo-terminal has


class Terminal:
    """The C core behind a pseudo-terminal, as behind a serial line."""

    def __init__(self, program: Path) -> None:
        self._near, self._far = pty.openpty()
        self._child = subprocess.Popen([program], stdin=self._far, stdout=self._far)
        self._selector = DefaultSelector()
        self._selector.register(self._near, EVENT_READ)
        self._rest = b""

    def close(self) -> int:
        """Hang up, and return the status that the process ends with."""
        self._selector.close()
        os.close(self._near)
        os.close(self._far)
        try:
            return self._child.wait(DEADLINE_S)
        finally:
            self._child.kill()
            self._child.wait()

    def send(self, data: bytes) -> None:
        """Send bytes, while the terminal takes them."""
        assert os.write(self._near, data) == len(data)

    def read_until(self, end: bytes) -> bytes:
        """Return what the core sent, up to and with `end`."""
        deadline_s = time.monotonic() + DEADLINE_S
        while end not in self._rest:
            assert self._selector.select(max(0, deadline_s - time.monotonic())), self._rest
            self._rest += os.read(self._near, 4096)
        reply, mark, self._rest = self._rest.partition(end)
        return reply + mark

    def ask(self, command: bytes) -> str:
        """Send a command, without its terminator, and return the reply, without m-ready."""
        self.send(command + b"%")
        return self.read_until(READY).removesuffix(READY).decode("ascii")

    def speed(self) -> int:
        """Return the rate that the core has set, as termios names it."""
        return termios.tcgetattr(self._far)[5]


@pytest.fixture
def line(core: Path) -> Iterator[Terminal]:
    """The core on a terminal, its banner read."""
    terminal = Terminal(core)
    try:
        terminal.read_until(READY)
        yield terminal
    finally:
        terminal.close()


def test_baud_is_offered_where_there_is_a_rate(line: Terminal, core: Path) -> None:
    """A terminal has a rate; a pipe has none, and the command changes nothing."""
    assert " baud" in line.ask(b"caps")
    with DutProcess([str(core)]) as process:
        process.read_until(READY)
        assert "baud" not in process.ask(b"caps")
        assert process.ask(b"baud 115200").startswith("e-[Command 'baud' has no such rate")
        assert process.ask(b"name") == "m-name-dut-[tinybench]\r\n"


def test_a_rate_is_kept_when_name_comes_over_it(line: Terminal) -> None:
    """The answer to baud is the old rate's last; name proves the new one."""
    assert line.speed() == BOOT
    assert line.ask(b"baud 921600") == "m-baud-[921600]\r\n"
    assert line.ask(b"name") == "m-name-dut-[tinybench]\r\n"
    assert line.speed() == termios.B921600
    assert line.ask(b"profile").endswith("m-model-[fake01]\r\n")
    assert line.ask(b"baud 115200") == "m-baud-[115200]\r\n"
    assert line.ask(b"name") == "m-name-dut-[tinybench]\r\n"
    assert line.speed() == termios.B115200


@pytest.mark.parametrize("wrong", [b"\xff", b"\0", b"nam\xe5", b"name %", b"%", b"baud 9600%"])
def test_a_rate_is_undone_by_any_other_byte(line: Terminal, wrong: bytes) -> None:
    """At the first byte that is not name's, the core is back at its first rate and says so."""
    line.ask(b"baud 115200")
    line.ask(b"name")
    line.ask(b"baud 921600")
    line.send(wrong)
    assert line.read_until(READY).startswith(b"e-[No 'name' at the new baud")
    assert line.speed() == BOOT
    line.send(b"%sync%")  # what is left of the wrong bytes is a command, or part of one
    line.read_until(b"e-[Unknown command: sync]\r\n" + READY)
    assert line.ask(b"name") == "m-name-dut-[tinybench]\r\n"
    assert line.speed() == BOOT


def test_garbage_brings_the_first_rate_back(line: Terminal) -> None:
    """A host that has lost its rate, or crashed, finds the core at the one it booted with."""
    line.ask(b"baud 921600")
    line.ask(b"name")
    line.send(b"\x80\xe0" * 4)
    assert line.read_until(READY) == b"e-[Unknown command: ?]\r\n" + READY
    assert line.speed() == BOOT
    assert line.ask(b"name") == "m-name-dut-[tinybench]\r\n"


def test_garbage_in_frames_brings_the_first_rate_back(line: Terminal) -> None:
    """... and in its text state."""
    line.ask(b"baud 921600")
    line.ask(b"name")
    line.ask(b"frames")
    line.send(b"\x80\xe0\0" * 8)
    assert line.read_until(READY) == b"\r\n" + READY
    assert line.speed() == BOOT
    assert line.ask(b"name") == "m-name-dut-[tinybench]\r\n"


def test_noise_between_good_messages_changes_no_rate(line: Terminal) -> None:
    """Seven in a row are noise; a known command or a whole frame starts the count anew."""
    line.ask(b"baud 921600")
    line.ask(b"name")
    for _ in range(3):
        line.send(b"\xff" * 6 + b"%")  # with the unknown command itself, seven
        line.read_until(READY)
        line.ask(b"name")
    line.ask(b"frames")
    for upload in range(3):
        good = frames.encode(Frame(frames.DATA, upload, 0, bytes(490)))
        line.send(b"\x80\0" * 7 + good)
        seen = frames.decode(line.read_until(b"\0")[:-1])
        assert seen == Frame(frames.ACK, upload, 1, bytes(4))
    assert line.speed() == termios.B921600


def test_garbage_at_the_first_rate_changes_nothing(line: Terminal) -> None:
    """There is nowhere to go back to: the frames state stays."""
    line.ask(b"frames")
    line.send(b"\x80\0" * 100 + frames.encode(Frame(frames.DATA, 1, 0, bytes(490))))
    assert frames.decode(line.read_until(b"\0")[:-1]) == Frame(frames.ACK, 1, 1, bytes(4))


@pytest.mark.parametrize("words", [b"baud", b"baud 0", b"baud -1", b"baud 115201", b"baud x"])
def test_an_unknown_rate_changes_nothing(line: Terminal, words: bytes) -> None:
    """One error, at the old rate, and no waiting for name."""
    assert line.ask(words) == "e-[Command 'baud' has no such rate here]\r\n"
    assert line.speed() == BOOT
    assert line.ask(b"profile").endswith("m-model-[fake01]\r\n")


def test_every_byte_value_passes(line: Terminal) -> None:
    """No byte stops, ends, kills or echoes: the terminal is raw in both directions."""
    line.ask(b"frames")
    data = (bytes(range(256)) * 2)[:490]
    for upload in range(256):
        raw = frames.encode(Frame(frames.DATA, upload, 0, data[upload:] + data[:upload]))
        line.send(raw)
        seen = frames.decode(line.read_until(b"\0")[:-1])
        assert seen == Frame(frames.ACK, upload, 1, bytes(4))


def test_a_window_waits_while_the_core_is_busy(line: Terminal) -> None:
    """What caps promises is held by the terminal during an inference, to the last byte."""
    data = bytes([1]) * 490
    line.ask(b"frames")
    line.send(frames.encode(Frame(frames.DATA, 0, 0, data)))
    line.read_until(b"\0")
    request = Frame(frames.INFER, 0, 0, struct.pack("<III", 20000, 0, zlib.crc32(data)))
    sent = [frames.encode(request)]
    sent += [frames.encode(Frame(frames.DATA, 1 + i, 0, data)) for i in range(8)]
    assert 3600 < sum(map(len, sent)) <= 4096
    line.send(b"".join(sent))
    seen = [frames.decode(line.read_until(b"\0")[:-1]) for _ in sent]
    assert seen[0] is not None
    assert seen[0].kind == frames.RESULT
    assert seen[1:] == [Frame(frames.ACK, 1 + i, 1, bytes(4)) for i in range(8)]


def test_the_process_ends_when_the_line_is_hung_up(core: Path) -> None:
    """As it does at the end of a pipe."""
    terminal = Terminal(core)
    terminal.read_until(READY)
    assert terminal.close() == 0
