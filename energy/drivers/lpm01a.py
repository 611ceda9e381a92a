"""ST X-NUCLEO-LPM01A (PowerShield), and the STLINK-V3PWR by its dialect.

    driver = "lpm01a"
    voltage_v = 3.0

Samples with edges of D7 come as ASCII, at most 5000 a second; binary goes to 100000 but has no
edges, so it shows a load and measures no window. Ref: ST UM2269 Rev 6.
"""

import contextlib
import queue
import re
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from tinybench.errors import DeadlineError, MonitorError, UsageError
from tinybench.transport.usb_ports import Port, ports

from ..accuracy import accuracy
from ..line import SerialLine
from ..lpm01a_stream import NUMBER, AsciiDecoder, BinaryDecoder
from ..monitor import Found, MonitorSpec, choose, ending, ready
from ..trace import Chunk, TraceHead

BAUD = 3686400
QUIET_S = 0.3
ACK_S = 5.0
CALIBRATION_S = 10.0
STAMP_S = 2.0
"""Longest wait, after `stop`, for a time stamp that confirms the last samples."""
ASCII_RATE_MAX_HZ = 5000
RATES_HZ = (*(step * 10**decade for decade in range(5) for step in (1, 2, 5)), 100_000)


@dataclass(frozen=True)
class Dialect:
    """What differs between the instruments that speak this protocol."""

    name: str
    model: str
    usb: tuple[int, int]
    take_control: str
    release_control: str | None
    binary: str
    """Name of the binary format."""
    voltage_mv: tuple[int, int]
    current_max_a: float
    firmware_min: tuple[int, int, int] | None
    """The first firmware that switches the supply off and reports edges."""
    setup: tuple[str, ...]


DIALECTS = {
    "lpm01a": Dialect(
        name="lpm01a",
        model="X-NUCLEO-LPM01A",
        usb=(0x0483, 0x5740),
        take_control="htc",
        release_control="hrc",
        binary="bin_hexa",
        voltage_mv=(1800, 3300),
        current_max_a=0.05,
        firmware_min=(1, 0, 6),
        setup=("acqmode dyn", "funcmode optim"),
    ),
    "stlink-v3pwr": Dialect(
        name="stlink-v3pwr",
        model="STLINK-V3PWR",
        usb=(0x0483, 0x3757),
        take_control="power_monitor",
        release_control=None,
        binary="bin_hex",
        voltage_mv=(1600, 3600),
        current_max_a=0.5,
        firmware_min=None,
        setup=(),
    ),
}

USB_IDS = ["{:04x}:{:04x}".format(*one.usb) for one in DIALECTS.values()]


def open(spec: MonitorSpec) -> "Lpm01a":  # noqa: A001 - the name every driver has
    """Open an LPM01A or STLINK-V3PWR; see `open_monitor`."""
    found = _found(spec)
    dialect = DIALECTS[found.dialect]
    rate_hz = _rate(spec)
    if not dialect.voltage_mv[0] <= round(spec.voltage_v * 1000) <= dialect.voltage_mv[1]:
        low, high = (mv / 1000 for mv in dialect.voltage_mv)
        raise UsageError(
            f"voltage_v = {spec.voltage_v}: the {dialect.model} supplies {low} to {high} V"
        )
    line = SerialLine(found.port, BAUD)
    return ready(Lpm01a(line, dialect, spec, found.serial, rate_hz))


def attached() -> list[Found]:
    """Return the instruments of this family that are plugged in."""
    return [
        Found("lpm01a", dialect.model, port.serial, port.device)
        for dialect in DIALECTS.values()
        for port in ports(*dialect.usb)
    ]


class Lpm01a:
    """An open LPM01A; made by `open`."""

    def __init__(
        self, line: SerialLine, dialect: Dialect, spec: MonitorSpec, serial: str, rate_hz: int
    ) -> None:
        self._line = line
        self._dialect = dialect
        self._spec = spec
        self._serial = serial
        self._rate_hz = rate_hz
        self._binary = spec.wire_format == "binary"
        self._firmware = ""
        self._voltage_v: float | None = None
        self._streaming = False
        self._stopping = threading.Event()
        self._replies: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._ending = ending(
            self._quieten, lambda: self._command("pwr off", 1.0), self._release, line.close
        )

    @property
    def head(self) -> TraceHead:
        """What it is, and how it samples as now set."""
        energy = self._spec.output == "energy"
        range_max = self._dialect.current_max_a
        if energy:
            range_max *= (self._voltage_v or self._spec.voltage_v) / self._rate_hz
        return TraceHead(
            rate_hz=float(self._rate_hz),
            unit="J" if energy else "A",
            monitor=self._dialect.model,
            serial=self._serial,
            firmware=self._firmware,
            voltage_v=self._voltage_v,
            range_max=range_max,
            accuracy=accuracy(self._dialect.name, "hex12" if self._binary else "dec4"),
            marks=self._spec.marks,
            note=f"{'binary' if self._binary else 'ASCII'} stream",
        )

    def set_up(self) -> None:
        """Take control, check the firmware, switch the supply off, set voltage and rate."""
        self._quieten()
        try:
            self._command(self._dialect.take_control)
        except MonitorError:  # the first command of a session often meets old bytes
            self._quieten()
            self._command(self._dialect.take_control)
        self._firmware = self._check_firmware(self._command("version"))
        self._command("status")
        self.power_off()
        spec = self._spec
        self._command(f"volt {round(spec.voltage_v * 1000)}m", CALIBRATION_S)
        self._line.drain(QUIET_S, ACK_S)
        for command in (
            *self._dialect.setup,
            f"output {spec.output}",
            f"format {self._dialect.binary if self._binary else 'ascii_dec'}",
            f"freq {_in_thousands(self._rate_hz)}",
            "acqtime inf",
            "trigsrc sw",
            "trigdelay 0",
        ):
            self._command(command)
        if not self._binary:
            self._command("eventsrc d7 fal")
        self.read_voltage()

    def power_on(self) -> None:
        """Supply the DUT; while sampling, some other thread must be reading `chunks`."""
        self._command("pwr on nostatus")

    def power_off(self) -> None:
        """Take the supply from the DUT."""
        self._command("pwr off")

    def read_voltage(self) -> float | None:
        """Return what the supply is set to, as the instrument reads it back, in V."""
        reply = self._command("volt get", CALIBRATION_S)
        match = re.search(NUMBER.decode(), reply)
        if match is None:
            raise MonitorError(f"{self._name} answers 'volt get' by '{reply}', no voltage")
        voltage_v = int(match[1]) * 10.0 ** int(match[2])
        if abs(voltage_v / self._spec.voltage_v - 1) > 0.1:
            raise MonitorError(
                f"{self._name} reads back {voltage_v:.3f} V, {self._spec.voltage_v} V are set; "
                "is something else supplying the DUT?"
            )
        self._voltage_v = voltage_v
        return voltage_v

    def start(self) -> None:
        """Start to sample; sample 0 comes next."""
        self._stopping.clear()
        self._replies = queue.SimpleQueue()
        self._line.drain(QUIET_S, ACK_S)
        self._line.write(b"start\n")
        self._streaming = True

    def chunks(self, silent_s: float = 3.0) -> Iterator[Chunk]:
        """Yield what is sampled; see `Monitor.chunks`."""
        decoder = BinaryDecoder(self._rate_hz) if self._binary else AsciiDecoder(self._rate_hz)
        try:
            stopped = yield from self._stream(decoder, max(silent_s, 3.0 / self._rate_hz))
        finally:
            self._streaming = False  # answers to commands come by themselves again
        decoder.finish()
        chunk = decoder.take()
        if chunk is not None:
            yield chunk
        if decoder.failure:
            raise MonitorError(f"{self._name} stopped: {decoder.failure}")
        if not stopped:
            raise MonitorError(f"{self._name} ended the acquisition by itself")

    def _stream(
        self, decoder: AsciiDecoder | BinaryDecoder, silent_s: float
    ) -> Generator[Chunk, None, bool]:
        """Yield chunks until the stream ends; return whether that was asked for."""
        heard_s = time.monotonic()
        stop_s: float | None = None
        stop_sent = False
        stamps = 0
        while not decoder.ended:
            now_s = time.monotonic()
            if self._stopping.is_set() and not stop_sent:
                if stop_s is None:
                    stop_s, stamps = now_s, decoder.timeline.stamps
                if decoder.timeline.stamps > stamps or now_s > stop_s + STAMP_S:
                    self._line.write(b"stop\n")
                    stop_sent = True
            data = self._line.read(0.05)
            if data:
                heard_s = now_s
                decoder.feed(data)
                for reply in decoder.replies():
                    self._replies.put(reply)
                chunk = decoder.take()
                if chunk is not None:
                    yield chunk
            elif now_s > heard_s + silent_s:
                raise DeadlineError(
                    f"{self._name} sends nothing for {silent_s:.0f} s; "
                    + ("is it still plugged in?" if decoder.timeline.count else "it never started")
                )
        return stop_sent

    def stop(self) -> None:
        """Ask `chunks` to end."""
        self._stopping.set()

    def close(self) -> None:
        """Stop, switch the supply off, give control back."""
        self._streaming = False
        self._ending.close()

    def _release(self) -> None:
        if self._dialect.release_control is not None:
            self._command(self._dialect.release_control, 1.0)

    @property
    def _name(self) -> str:
        return f"{self._dialect.model} at {self._line.port}"

    def _quieten(self) -> None:
        """Get rid of old bytes, and of an acquisition that somebody left running."""
        try:
            self._line.drain(QUIET_S, 1.0)
        except DeadlineError:
            self._line.write(b"\nstop\n")
            self._line.drain(QUIET_S, ACK_S)

    def _command(self, command: str, timeout_s: float = ACK_S) -> str:
        """Send a command; return what follows it in the acknowledgement.

        Raises MonitorError when it is refused, DeadlineError when there is no answer.
        """
        streaming = self._streaming
        self._line.write(command.encode() + b"\n")
        if streaming and self._binary:
            return ""  # an acknowledgement cannot be told from samples
        word = re.escape(command.split()[0])
        answer = re.compile(rf"(ack|error|err) +{word}\b:?([^\r\n]*)[\r\n]")
        end_s = time.monotonic() + timeout_s
        heard = ""
        while time.monotonic() < end_s:
            if streaming:
                with contextlib.suppress(queue.Empty):
                    heard += self._replies.get(timeout=0.1) + "\n"
            else:
                heard += self._line.read(0.1).replace(b"\0", b"").decode("latin-1")
            match = answer.search(heard)
            if match is None:
                continue
            if match[1] == "ack":
                return match[2].strip()
            detail = "" if streaming else self._line.drain(QUIET_S, ACK_S).decode("latin-1")
            words = " ".join((match[2] + " " + detail).split())
            raise MonitorError(
                f"{self._name} refuses '{command}'"
                + (f": {words[:200]}" if words else "")
                + "; press its reset button, or unplug it and plug it in again"
            )
        raise DeadlineError(
            f"{self._name} does not answer '{command}' within {timeout_s:.0f} s"
            + (f"; it sent {heard[-80:]!r}" if heard else "")
            + ". Is this its port ('tinybench monitors')? Unplug it and plug it in again"
        )

    def _check_firmware(self, reply: str) -> str:
        match = re.search(r"(\d+)\.(\d+)\.(\d+)", reply)
        if match is None:
            raise MonitorError(
                f"{self._name}: 'version' is answered '{reply}', which is no version"
            )
        least = self._dialect.firmware_min
        if least is not None and tuple(map(int, match.groups())) < least:
            raise MonitorError(
                f"{self._name} has firmware {match[0]}; 'pwr off' and edges need "
                f"{'.'.join(map(str, least))}: update it with ST's STSW-PWRSHLD tools"
            )
        return match[0]


@dataclass(frozen=True)
class _Place:
    dialect: str
    serial: str
    port: str


def _found(spec: MonitorSpec) -> _Place:
    """Return where the instrument of the spec is. Raises UsageError when that is not clear."""
    if spec.port is not None:
        known: dict[str, Port] = {port.device: port for port in ports()}
        port = known.get(spec.port)
        by_usb = {dialect.usb: name for name, dialect in DIALECTS.items()}
        dialect = by_usb.get(port.usb, "lpm01a") if port else "lpm01a"
        return _Place(spec.dialect or dialect, port.serial if port else "", spec.port)
    by_model = {dialect.model: name for name, dialect in DIALECTS.items()}
    wanted = [one for one in attached() if spec.dialect in (None, by_model[one.model])]
    one = choose(wanted, spec)
    return _Place(by_model[one.model], one.serial, one.port)


def _rate(spec: MonitorSpec) -> int:
    """Return the rate of the spec. Raises UsageError when the instrument cannot do it."""
    binary = spec.wire_format == "binary"
    rate_hz = spec.rate_hz or (100000 if binary else ASCII_RATE_MAX_HZ)
    most = 100000 if binary else ASCII_RATE_MAX_HZ
    if spec.output == "energy":
        most = min(most, 10000)
    valid = [rate for rate in RATES_HZ if rate <= most]
    if rate_hz not in valid:
        raise UsageError(
            f"rate_hz = {rate_hz:g}: an LPM01A does {', '.join(map(str, valid))} in this format"
        )
    return int(rate_hz)


def _in_thousands(rate_hz: int) -> str:
    return f"{rate_hz // 1000}k" if rate_hz % 1000 == 0 else str(rate_hz)
