"""The line to the board as a serial port: a device of this computer, or a remote one by URL."""

import contextlib
import errno
import os
import select
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..errors import TransportError, UsageError
from ..files import is_there

READ_B = 4096
READ_S = 0.05
"""A blocking read of the port lasts no longer."""
WRITE_TIMEOUT_S = 10.0
RETRY_S = 0.2
PULSE_BAUD = 115_200
"""Rate at which a port is opened to switch its lines; no byte is sent."""
LATENCY_TIMER = Path("/sys/bus/usb-serial/devices")


@dataclass(frozen=True)
class Opening:
    """How a port is opened, and opened again."""

    dtr: bool | None = None
    """Whether DTR is asserted; None: as pyserial does, which asserts both."""
    rts: bool | None = None
    wait_s: float = 0.0
    """Nothing is sent for so long afterwards: opening may have started the board anew."""


PLAIN = Opening()


class SerialTransport:
    """A serial port, 8N1, or whatever URL pyserial opens: rfc2217://, socket://, spy://, ..."""

    def __init__(
        self,
        url: str,
        baud: int,
        opening: Opening = PLAIN,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Open the port, for this program alone where the system can.

        `say` is told, once, what a server at a URL does not do. Raises UsageError for a URL or a
        rate that cannot be, TransportError when the port is not there, not ours to open, or held by
        another program.
        """
        self._url = url
        self._baud = baud
        self._opening = opening
        self._server = _Server(url, say)
        self._closed = False
        self._port = _open(url, baud, opening, self._server)
        time.sleep(opening.wait_s)

    @property
    def byte_s(self) -> float:
        """Seconds that one byte takes on the line: ten bits."""
        return 10 / self._baud

    def read(self, timeout_s: float) -> bytes:
        deadline_s = time.monotonic() + timeout_s
        try:
            if (fd := self._descriptor()) is not None:
                return _read(fd, timeout_s)
            while True:
                data = self._port.read(1)
                while data and len(data) < READ_B and (waiting := self._port.in_waiting):
                    data += self._port.read(waiting)  # some ports say 1 whenever there are any
                if data:
                    return data
                if time.monotonic() >= deadline_s:
                    return b""
        except FAULTS as error:
            raise self._lost(error) from error

    def write(self, data: bytes) -> None:
        try:
            if (fd := self._descriptor()) is not None:
                _write(fd, data)
            else:
                self._port.write(data)
        except FAULTS as error:
            raise self._lost(error) from error

    def set_baud(self, baud: int) -> None:
        self._baud = baud  # also for a port that has vanished, and comes back
        try:
            self._port.flush()  # what was sent goes out at the old rate
            self._port.baudrate = baud
        except (*FAULTS, ValueError) as error:
            raise TransportError(f"{self._url} has no rate of {baud} baud: {error}") from error

    def reopen(self, timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        self._shut()
        while not self._closed:
            try:
                self._port = _open(self._url, self._baud, self._opening, self._server)
            except TransportError as error:
                if time.monotonic() > deadline_s:
                    raise TransportError(
                        f"{error}; it did not come back within {timeout_s:.0f} s"
                    ) from error
                time.sleep(RETRY_S)
            else:
                time.sleep(self._opening.wait_s)
                return
        raise TransportError(f"{self._url} was closed for good")

    def close(self) -> None:
        self._closed = True
        self._shut()

    def _shut(self) -> None:
        with contextlib.suppress(*FAULTS):  # a port that has vanished is closed
            _close(self._port)

    def _descriptor(self) -> int | None:
        """Return the file descriptor of a port of this POSIX system; None for any other."""
        return None if "://" in self._url else getattr(self._port, "fd", None)

    def _lost(self, error: Exception) -> TransportError:
        return TransportError(
            f"{self._url}: the port closed or vanished ({error}). Check the cable and the power"
        )


def pulse(url: str, line: Literal["dtr", "rts"], pulse_s: float, opening: Opening = PLAIN) -> None:
    """Assert a modem line of a port for a while, and release it; the other stays as it is opened.

    Raises UsageError for a URL that cannot be, TransportError when the port cannot be opened or has
    no such line.
    """
    asserted = replace(opening, dtr=True) if line == "dtr" else replace(opening, rts=True)
    port = _open(url, PULSE_BAUD, asserted, _Server(url, lambda _: None))
    try:
        setattr(port, line, True)
        time.sleep(pulse_s)
        setattr(port, line, False)
    except FAULTS as error:
        raise TransportError(f"{url} has no line {line.upper()} to switch: {error}") from error
    finally:
        with contextlib.suppress(*FAULTS):
            _close(port)


def latency_timer_ms(device: str, folder: Path = LATENCY_TIMER) -> int | None:
    """Return how long an FTDI adapter holds back received bytes, or None for other ports.

    `folder` is where Linux lists USB serial ports. Ref: FTDI AN232B-04, data throughput.
    """
    try:
        return int((folder / Path(device).resolve().name / "latency_timer").read_text())
    except (OSError, ValueError):
        return None


def holders(device: str, processes: Path = Path("/proc")) -> list[str]:
    """Return name and number of the other processes that have a device open, as far as visible."""
    wanted = os.path.realpath(device)
    found = []
    for folder in processes.glob("[0-9]*"):
        if folder.name == str(os.getpid()):
            continue
        try:
            if any(os.path.realpath(fd) == wanted for fd in (folder / "fd").iterdir()):
                found.append(f"{(folder / 'comm').read_text().strip()} (process {folder.name})")
        except OSError:
            continue  # it has ended, or is another user's
    return found


def _read(fd: int, timeout_s: float) -> bytes:
    """Read a port of a POSIX system: two system calls, where pyserial makes six.

    The runner's share of the time between a reply and the next command counts on a fast line.
    """
    if not select.select([fd], [], [], timeout_s)[0]:
        return b""
    try:
        data = os.read(fd, READ_B)
    except BlockingIOError:  # another reader was faster
        return b""
    if not data:
        raise OSError(errno.EIO, "the port returned no data")
    return data


def _write(fd: int, data: bytes) -> None:
    """Write to a port of a POSIX system, with one system call while it takes all."""
    left = memoryview(data)
    deadline_s = time.monotonic() + WRITE_TIMEOUT_S
    while left:
        try:
            left = left[os.write(fd, left) :]
        except BlockingIOError:
            left_s = max(0.0, deadline_s - time.monotonic())
            if not select.select([], [fd], [], left_s)[1]:
                raise OSError(
                    errno.ETIMEDOUT, f"it takes no bytes for {WRITE_TIMEOUT_S:.0f} s"
                ) from None


def insist_there(url: str) -> None:
    """Raise TransportError for a serial device of this computer that is not there."""
    if os.name == "posix" and "://" not in url and not is_there(url):
        raise TransportError(_refusal(url, FileNotFoundError(errno.ENOENT, "no such device")))


class _Server:
    """What an RFC 2217 server is known not to answer: it is told once, and never waited for again.

    pyserial waits for an answer to each purge and each change of a modem line, and opens no port
    without: some servers never give one.
    """

    def __init__(self, url: str, say: Callable[[str], None]) -> None:
        self._url = url
        self._say = say
        self._silent: set[bytes] = set()

    def forgive(self, port: Any) -> None:
        """Let an RFC 2217 port that is not open yet go on where the server does not answer."""
        from serial import rfc2217

        for name, option, what in (
            ("rfc2217_send_purge", rfc2217.PURGE_DATA, "a purge of its buffers"),
            ("rfc2217_set_control", rfc2217.SET_CONTROL, "a change of its modem lines"),
        ):
            setattr(port, name, self._patient(port, getattr(port, name), option, what))

    def _patient(
        self, port: Any, insisting: Callable[[bytes], None], option: bytes, what: str
    ) -> Callable[[bytes], None]:
        import serial

        def ask(value: bytes) -> None:
            if option in self._silent:
                port.rfc2217_send_subnegotiation(option, value)
                return
            try:
                insisting(value)
            except (serial.SerialException, ValueError) as error:
                self._silent.add(option)
                self._say(f"{self._url}: the server does not confirm {what} ({error}): going on")

        return ask


def _open(url: str, baud: int, opening: Opening, server: _Server) -> Any:
    import serial

    try:
        port = serial.serial_for_url(url, do_not_open=True)
        if url.startswith("rfc2217://"):
            server.forgive(port)
        port.baudrate = baud
        port.timeout = READ_S
        if "://" not in url:  # remote ports have neither
            port.write_timeout = WRITE_TIMEOUT_S
            port.exclusive = True
        for line, state in (("dtr", opening.dtr), ("rts", opening.rts)):
            if state is not None:  # before it is open: the board is never held in between
                setattr(port, line, state)
        port.open()
    except ValueError as error:
        raise UsageError(
            f"--port {url} at {baud} baud: {error}. Give a device such as /dev/ttyACM0 (Linux), "
            "/dev/cu.usbmodem14101 (macOS) or COM3 (Windows), or a URL such as"
            " socket://host:port or rfc2217://host:port"
        ) from error
    except FAULTS as error:
        raise TransportError(_refusal(url, error)) from error
    return port


def _close(port: Any) -> None:
    """Close a port, and let go of it.

    Closing alone does not while a process that another thread just starts has inherited it.
    """
    fd = getattr(port, "fd", None)
    try:
        if fd is not None and os.name == "posix":
            import fcntl

            fcntl.flock(fd, fcntl.LOCK_UN)
    finally:
        port.close()


def _refusal(url: str, error: Exception) -> str:
    """Say why a port did not open, and what to do."""
    number = getattr(error, "errno", None)
    if "://" in url:
        return f"cannot open {url}: {error}. Is the server running, and its address right?"
    if os.name == "nt" and number is None:  # pyserial says it in words alone
        kinds = {"FileNotFoundError": errno.ENOENT, "PermissionError": errno.EBUSY}
        number = next((code for kind, code in kinds.items() if kind in str(error)), None)
    if number == errno.ENOENT:
        return f"there is no port {url}; {_ports()}"
    if number in (errno.EACCES, errno.EPERM) and sys.platform.startswith("linux"):
        return (
            f"{url} may not be opened by this user; join its group with: "
            "sudo usermod -aG dialout $USER, and log in again; or by: tinybench doctor --udev"
        )
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in str(error):
        by = ", ".join(holders(url)) or "another program"
        modems = (
            "; ModemManager, which looks into each new port for a moment, is kept away by: "
            "tinybench doctor --udev"
        )
        linux = sys.platform.startswith("linux")
        return f"{url} is held by {by}. Close it and try again{modems if linux else ''}"
    return f"cannot open {url}: {error}. Is it a serial port?"


def _ports() -> str:
    from .usb_ports import comports

    there = [port.device for port in comports()]
    return "there are " + ", ".join(there) if there else "no serial port is attached"


def _faults() -> tuple[type[Exception], ...]:
    """Return what an operation on a port may raise when the port has gone."""
    try:
        import termios
    except ImportError:  # not a POSIX system
        return (OSError,)
    return (OSError, termios.error)


FAULTS = _faults()
