"""Boards on serial ports, real and remote: the real C core behind a paced line or a server."""

import os
import pty
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Literal

import pytest
import serial
from msgspec import structs
from serial import rfc2217

from tests.link.paced_line import build, paced_line
from tinybench.errors import TransportError, UsageError
from tinybench.runner.build.board import ResetLine, load_board
from tinybench.runner.desk.flash import Site, reset
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.line import Patience
from tinybench.transport import serial_port
from tinybench.transport.process import ProcessTransport
from tinybench.transport.serial_port import Opening, SerialTransport, holders, latency_timer_ms

INPUT = bytes(range(1, 206)) + bytes(285)
BAUD = 115_200
PATIENCE = Patience(name_s=0.5, return_s=3.0)


@pytest.fixture(scope="module")
def line_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The paced line."""
    return build(tmp_path_factory.mktemp("line"))


@pytest.mark.parametrize("fast", [True, False])
def test_a_board_on_a_serial_port_answers_as_one_on_pipes(
    core: Path, line_program: Path, fast: bool
) -> None:
    """By frames and by the stock protocol; the port is left in text mode."""
    with closing(ProcessTransport([str(core)])) as pipes:
        wanted = Dut(pipes)
        wanted.handshake()
        results = wanted.infer(INPUT, 1, 0).results
    with (
        paced_line(line_program, [str(core)]) as path,
        closing(SerialTransport(path, BAUD)) as port,
    ):
        dut = Dut(port, fast=fast, patience=PATIENCE)
        dut.handshake()
        assert dut.infer(INPUT, 1, 0).results == results
        assert dut.tally.retries == 0
        dut.leave()
        assert dut.command("results", 1.0) == [f"m-results-[{results}]"]


def test_the_rate_is_raised_to_the_fastest_that_works_and_left_as_it_was(
    core: Path, line_program: Path
) -> None:
    """`--baud auto`: the firmware offers it, both ends change, the next program finds 115200."""
    with (
        paced_line(line_program, [str(core)]) as path,
        closing(SerialTransport(path, BAUD)) as port,
    ):
        dut = Dut(port, patience=PATIENCE)
        dut.handshake()
        assert dut.raise_baud(BAUD) > BAUD
        assert dut.baud(BAUD) > BAUD
        before = dut.infer(INPUT, 1, 0)
        dut.leave()
        assert dut.baud(BAUD) == BAUD
        assert Dut(port, patience=PATIENCE).handshake().model_id == "fake01"
        assert before.results


def test_errors_at_a_raised_rate_bring_the_line_back_to_its_own(
    core: Path, line_program: Path
) -> None:
    """A rate that one end leaves is given up, and the run goes on at the board's own."""
    with (
        paced_line(line_program, [str(core)]) as path,
        closing(SerialTransport(path, BAUD)) as port,
    ):
        dut = Dut(port, patience=Patience(reply_s=0.3, name_s=0.5, inference_s=0.3))
        dut.handshake()
        wanted = dut.infer(INPUT, 1, 0)
        raised = dut.raise_baud(BAUD)
        port.set_baud(raised // 2)  # as a clock that drifts
        assert dut.infer(INPUT[::-1], 1, 0).results
        assert dut.baud(BAUD) == BAUD
        assert dut.infer(INPUT, 1, 0).results == wanted.results
        assert dut.tally.retries > 0


def test_a_port_that_vanishes_and_returns_is_opened_again(
    core: Path, line_program: Path, tmp_path: Path
) -> None:
    """USB re-enumeration: the same path, another device behind it, the same board."""
    link = tmp_path / "ttyACM0"
    with paced_line(line_program, [str(core)]) as path:
        link.symlink_to(path)
        port = SerialTransport(str(link), BAUD)
        dut = Dut(port, patience=PATIENCE)
        dut.handshake()
        first = dut.infer(INPUT, 1, 0)
    link.unlink()

    def come_back() -> None:
        time.sleep(0.5)
        link.symlink_to(second)

    with closing(port), paced_line(line_program, [str(core)]) as second:
        threading.Thread(target=come_back).start()
        assert dut.infer(INPUT, 1, 0).results == first.results
        assert dut.tally.reopened > 0


def test_a_port_that_vanishes_for_good_is_an_error(
    core: Path, line_program: Path, tmp_path: Path
) -> None:
    """What was lost, and how long it was waited for."""
    link = tmp_path / "port"  # the terminal's own name may be another's by then
    with paced_line(line_program, [str(core)]) as path:
        link.symlink_to(path)
        port = SerialTransport(str(link), BAUD)
        dut = Dut(port, patience=Patience(return_s=0.3, tries=2))
        dut.handshake()
    link.unlink()
    with closing(port), pytest.raises(TransportError, match=r"did not come back within 0 s"):
        dut.infer(INPUT, 1, 0)


@contextmanager
def _terminal() -> Iterator[str]:
    """Yield the path of a pseudo-terminal with nobody behind it."""
    near, far = pty.openpty()
    try:
        yield os.ttyname(far)
    finally:
        os.close(near)
        os.close(far)


def test_two_programs_do_not_share_a_port() -> None:
    """The second one is told who has it."""
    program = "import sys, serial; p = serial.Serial(sys.argv[1], exclusive=True); "
    program += "print('open', flush=True); sys.stdin.read()"
    with _terminal() as path:
        command = [sys.executable, "-c", program, path]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "open\n"
            assert any(str(other.pid) in holder for holder in holders(path))
            with pytest.raises(TransportError, match=rf"held by .*{other.pid}.*ModemManager"):
                SerialTransport(path, BAUD)
            other.communicate(timeout=60)


def test_a_port_is_let_go_of_though_a_process_that_just_starts_has_inherited_it() -> None:
    """As one has that another thread starts, until it has closed what is not its own."""
    with _terminal() as path:
        port = SerialTransport(path, BAUD)
        inherited = os.dup(port._port.fd)
        port.close()
        SerialTransport(path, BAUD).close()
        os.close(inherited)


def test_a_port_that_takes_no_bytes_is_an_error_in_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A device that holds the line, or has died, does not stop the run for ever."""
    monkeypatch.setattr(serial_port, "WRITE_TIMEOUT_S", 0.2)
    with (
        _terminal() as path,
        closing(SerialTransport(path, BAUD)) as port,
        pytest.raises(TransportError, match="takes no bytes for"),
    ):
        port.write(bytes(1_000_000))


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("/dev/ttyNONE7", TransportError, "there is no port /dev/ttyNONE7"),
        ("/dev/null", TransportError, "Is it a serial port"),
        ("socket://127.0.0.1:1", TransportError, "Is the server running"),
        ("rfc2217://127.0.0.1:1", TransportError, "Is the server running"),
        ("gopher://127.0.0.1:1", UsageError, "Give a device such as"),
        ("socket://", (UsageError, TransportError), "socket://"),
    ],
)
def test_a_port_that_cannot_be_opened_says_why(
    url: str, error: type[Exception], words: str
) -> None:
    """No such port, no serial port, no server, no such kind."""
    with pytest.raises(error, match=words):
        SerialTransport(url, BAUD)


def test_the_latency_timer_of_an_ftdi_adapter_is_read(tmp_path: Path) -> None:
    """16 ms by default, which every answer may wait; other adapters have none."""
    (tmp_path / "ttyUSB0").mkdir()
    (tmp_path / "ttyUSB0" / "latency_timer").write_text("16\n")
    assert latency_timer_ms("/dev/ttyUSB0", tmp_path) == 16
    assert latency_timer_ms("/dev/ttyACM0", tmp_path) is None


@contextmanager
def _server(
    path: str,
    remote: bool,
    lines: list[tuple[str, bool]] | None = None,
    manage: type[rfc2217.PortManager] = rfc2217.PortManager,
) -> Iterator[str]:
    """Serve a serial port on loopback; yields its URL. `lines` is told of its modem lines."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                serve_one(listener.accept()[0])

    def serve_one(connection: socket.socket) -> None:
        port = _Terminal(path, BAUD, timeout=0)
        port.lines = lines
        # The types that pyserial's stub wants are not those that its own example gives.
        manager = manage(port, _Sender(connection)) if remote else None  # type: ignore[arg-type]
        connection.settimeout(0.005)
        with closing(port), closing(connection):
            while True:
                try:
                    data = connection.recv(1024)
                    if not data:
                        return
                    port.write(b"".join(manager.filter(data)) if manager else data)
                except TimeoutError:
                    pass
                back = port.read(1024)
                connection.sendall(b"".join(manager.escape(back)) if manager else back)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        kind = "rfc2217" if remote else "socket"
        yield f"{kind}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(60)


class _Terminal(serial.Serial):
    """A pseudo-terminal as a serial port: its modem lines are only written down."""

    cts = dsr = ri = cd = property(lambda _: False)  # type: ignore[assignment]
    lines: list[tuple[str, bool]] | None = None

    def _update_rts_state(self) -> None:
        if self.lines is not None:
            self.lines.append(("rts", bool(self.rts)))

    def _update_dtr_state(self) -> None:
        if self.lines is not None:
            self.lines.append(("dtr", bool(self.dtr)))


class _Sender:
    """What PortManager sends its answers with."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> None:
        self._connection.sendall(data)


@pytest.mark.parametrize("remote", [True, False], ids=["rfc2217", "socket"])
def test_a_board_behind_a_server_answers_as_one_here(
    core: Path, line_program: Path, remote: bool
) -> None:
    """RFC 2217 by pyserial's own server, and a bare socket."""
    with (
        paced_line(line_program, [str(core)]) as path,
        _server(path, remote) as url,
        closing(SerialTransport(url, BAUD)) as port,
    ):
        dut = Dut(port, patience=PATIENCE)
        assert dut.handshake().model_id == "fake01"
        assert dut.infer(INPUT, 2, 1).results.split(",")[0] == f"{sum(INPUT) % 256 / 256:.9f}"[:5]


class _Silent(rfc2217.PortManager):
    """A server that obeys, and confirms neither a purge nor a modem line."""

    def rfc2217_send_subnegotiation(self, option: bytes, value: bytes = b"") -> None:
        if option not in (rfc2217.SERVER_PURGE_DATA, rfc2217.SERVER_SET_CONTROL):
            super().rfc2217_send_subnegotiation(option, value)


def test_a_server_that_confirms_no_purge_is_told_once_and_used_all_the_same(
    core: Path, line_program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor a modem line, which is set; opened again, it is not waited for any more."""
    waited: list[str] = []
    wait = rfc2217.TelnetSubnegotiation.wait

    def impatient(option: rfc2217.TelnetSubnegotiation, timeout: float = 3) -> None:
        waited.append(option.name)
        wait(option, 0.01 if option.name in ("purge", "control") else timeout)

    monkeypatch.setattr(rfc2217.TelnetSubnegotiation, "wait", impatient)
    said: list[str] = []
    lines: list[tuple[str, bool]] = []
    with (
        paced_line(line_program, [str(core)]) as path,
        _server(path, True, lines, _Silent) as url,
        closing(SerialTransport(url, BAUD, Opening(dtr=False), said.append)) as port,
    ):
        assert Dut(port, patience=PATIENCE).handshake().model_id == "fake01"
        port.reopen(5.0)
        assert Dut(port, patience=PATIENCE).handshake().model_id == "fake01"
    assert waited == ["control", "purge"]
    assert len(said) == 2
    assert f"{url}: the server does not confirm a purge" in said[1]
    assert lines.count(("dtr", False)) == 2


@pytest.mark.parametrize("line", ["dtr", "rts"])
def test_a_board_is_reset_by_a_line_of_its_port(
    core: Path, line_program: Path, line: Literal["dtr", "rts"]
) -> None:
    """Asserted and released, by pyserial's own server; a port without such lines is told so."""
    lines: list[tuple[str, bool]] = []
    board = structs.replace(load_board("serial"), reset=ResetLine(line=line, pulse_s=0.01))
    with paced_line(line_program, [str(core)]) as path:
        with _server(path, True, lines) as url:
            held = Site(port=url, opening=Opening(dtr=False, rts=False))
            assert reset(board, held, None) == "serial was reset by line"
        assert [state for name, state in lines if name == line][-2:] == [True, False]
        assert not any(state for name, state in lines if name != line)
        with pytest.raises(TransportError, match=f"has no line {line.upper()} to switch"):
            reset(board, Site(port=path), "line")


@pytest.mark.parametrize("asserted", [True, False])
def test_modem_lines_are_as_declared_from_the_first_moment_and_after_each_reopening(
    core: Path, line_program: Path, asserted: bool
) -> None:
    """A board that DTR or RTS holds in reset; by pyserial's own server, which writes them down."""
    lines: list[tuple[str, bool]] = []
    opening = Opening(dtr=asserted, rts=not asserted)
    with (
        paced_line(line_program, [str(core)]) as path,
        _server(path, True, lines) as url,
        closing(SerialTransport(url, BAUD, opening)) as port,
    ):
        assert Dut(port, patience=PATIENCE).handshake().model_id == "fake01"
        first = len(lines)
        port.reopen(5.0)
        assert Dut(port, patience=PATIENCE).handshake().model_id == "fake01"
    assert set(lines[:first]) == set(lines[first:]) == {("dtr", asserted), ("rts", not asserted)}


def test_a_board_that_boots_slowly_is_left_alone_after_each_opening() -> None:
    """`boot_wait_s`: nothing can be sent before it is over."""
    with _terminal() as path:
        start_s = time.monotonic()
        with closing(SerialTransport(path, BAUD, Opening(wait_s=0.1))) as port:
            assert time.monotonic() - start_s >= 0.1
            start_s = time.monotonic()
            port.reopen(1.0)
            assert time.monotonic() - start_s >= 0.1


def test_a_device_of_this_computer_gets_its_modem_lines_before_it_is_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those that are told, and no others; pyserial's own class writes them down."""
    seen: list[tuple[bool, str, bool]] = []
    monkeypatch.setattr(
        serial.Serial, "_update_dtr_state", lambda one: seen.append((one.is_open, "dtr", one.dtr))
    )
    monkeypatch.setattr(
        serial.Serial, "_update_rts_state", lambda one: seen.append((one.is_open, "rts", one.rts))
    )
    with _terminal() as path:
        for opening in (Opening(dtr=False, rts=False), Opening(rts=False), Opening()):
            SerialTransport(path, BAUD, opening).close()
    told = [(False, False), (True, False), (True, True)]
    assert seen == [
        (False, name, state)
        for pair in told
        for name, state in zip(("dtr", "rts"), pair, strict=True)
    ]
