"""Nordic Power Profiler Kit II, as the source of the DUT's supply, or as an ampere meter.

    driver = "ppk2"
    mode = "source"    # "ampere": the DUT has a supply of its own, and voltage_v states it
    voltage_v = 3.0
    pin = 0            # logic input D0..D7 that the timing pin is wired to

Samples are taken as the ADC gave them: the smoothing that Nordic's application applies after a
change of range is not applied, for it moves energy in time.
"""

import re
import threading
import time
from collections.abc import Iterator

import numpy as np

from tinybench.errors import DeadlineError, MonitorError, UsageError
from tinybench.transport.usb_ports import Port, ports

from ..line import SerialLine
from ..monitor import Found, MonitorSpec, choose, ending, ready
from ..pace import SETTLE_S, Pace
from ..ppk2_stream import (
    RATE_HZ,
    STRAY_MAX_B,
    UNCALIBRATED,
    Calibration,
    Decoder,
    current_table,
    parse_metadata,
)
from ..trace import Accuracy, Chunk, Gap, TraceHead

USB = (0x1915, 0xC00A)
USB_IDS = ["{:04x}:{:04x}".format(*USB)]
BAUD = 115200
QUIET_S = 0.3
METADATA_S = 5.0
VOLTAGE_MV = (800, 5000)
CURRENT_MAX_A = 1.0

START = b"\x06"
STOP = b"\x07"
POWER = b"\x0c"
REGULATOR = b"\x0d"
MODE = {"source": b"\x11\x02", "ampere": b"\x11\x01"}
METADATA = b"\x19"


def open(spec: MonitorSpec) -> "Ppk2":  # noqa: A001 - the name every driver has
    """Open a PPK2; see `open_monitor`."""
    if spec.rate_hz not in (None, RATE_HZ):
        raise UsageError(
            f"rate_hz = {spec.rate_hz:g}: a PPK2 always takes {RATE_HZ} samples a second"
        )
    if not VOLTAGE_MV[0] <= round(spec.voltage_v * 1000) <= VOLTAGE_MV[1]:
        does = "supplies" if spec.mode == "source" else "measures a supply of"
        raise UsageError(f"voltage_v = {spec.voltage_v}: a PPK2 {does} 0.8 to 5.0 V")
    if not 0 <= spec.pin <= 7:
        raise UsageError(f"pin = {spec.pin}: a PPK2 has the logic inputs 0 to 7")
    port, serial = spec.port, ""
    if port is None:
        found = choose(attached(), spec)
        port, serial = found.port, found.serial
    return ready(Ppk2(SerialLine(port, BAUD), spec, serial))


def attached() -> list[Found]:
    """Return the PPK2 that are plugged in; each shows one port or two.

    The first one measures: that of the lowest USB interface, else by natural order of names.
    """
    by_serial = {port.serial: port.device for port in sorted(ports(*USB), key=_place, reverse=True)}
    return [Found("ppk2", "PPK2", serial, device) for serial, device in sorted(by_serial.items())]


def _place(port: Port) -> tuple[int, list[tuple[int, str]]]:
    """Return the number of a port's USB interface, and its name with numbers as numbers."""
    number = re.search(r":[0-9]+\.([0-9]{1,3})\Z", port.interface)  # "1-1.4:1.2"
    parts = re.findall(r"([0-9]{1,9})|([^0-9]+)", port.device)
    return int(number[1]) if number else 0, [(int(digits or 0), word) for digits, word in parts]


class Ppk2:
    """An open PPK2; made by `open`."""

    def __init__(self, line: SerialLine, spec: MonitorSpec, serial: str) -> None:
        self._line = line
        self._spec = spec
        self._serial = serial
        self._calibration = Calibration(UNCALIBRATED)
        self._firmware = ""
        self._stopping = threading.Event()
        self._ending = ending(lambda: line.write(STOP), self.power_off, line.close)

    @property
    def head(self) -> TraceHead:
        """What it is, and how it samples as now set."""
        unknown = ", ".join(self._calibration.unknown)
        return TraceHead(
            rate_hz=float(RATE_HZ),
            unit="A",
            monitor="PPK2" if self._spec.mode == "source" else "PPK2 (ampere meter)",
            serial=self._serial,
            firmware=self._firmware,
            voltage_v=self._spec.voltage_v,
            range_max=CURRENT_MAX_A,
            # Half a step of the ADC at the low end of a range; gain and voltage nobody states.
            accuracy=Accuracy(quantisation=0.005),
            marks=self._spec.marks,
            note=f"uncalibrated: {unknown}" if unknown else "",
        )

    def set_up(self) -> None:
        """Stop what runs, read the calibration, switch the supply off, set mode and voltage."""
        self._line.write(STOP)
        self._line.drain(QUIET_S, METADATA_S)
        self._line.write(METADATA)
        self._calibration, self._firmware = parse_metadata(self._read_metadata())
        self.power_off()
        self._line.write(MODE[self._spec.mode])
        if self._spec.mode == "source":
            millivolts = round(self._spec.voltage_v * 1000)
            self._line.write(REGULATOR + millivolts.to_bytes(2, "big"))

    def power_on(self) -> None:
        """Supply the DUT; of an ampere meter, close the switch to its own supply."""
        self._line.write(POWER + b"\x01")

    def power_off(self) -> None:
        """Take the supply from the DUT."""
        self._line.write(POWER + b"\x00")

    def read_voltage(self) -> float | None:
        """Return None: a PPK2 does not measure its voltage."""
        return None

    def start(self) -> None:
        """Start to sample; sample 0 comes next."""
        self._stopping.clear()
        self._line.drain(QUIET_S, METADATA_S)
        self._line.write(START)

    def chunks(self, silent_s: float = 3.0) -> Iterator[Chunk]:
        """Yield what is sampled; see `Monitor.chunks`."""
        table = current_table(self._calibration, self._spec.voltage_v)
        decoder = Decoder(table, self._spec.pin, self._spec.edge)
        pace = Pace(RATE_HZ)
        heard_s = now_s = time.monotonic()
        stop_s: float | None = None
        stop_sent = False
        while True:
            if self._stopping.is_set() and stop_s is None:
                stop_s = now_s + SETTLE_S
            if stop_s is not None and now_s >= stop_s and not stop_sent:
                self._line.write(STOP)
                stop_sent = True
            data = self._line.read(0.05)
            now_s = time.monotonic()
            if data:
                heard_s = now_s
                yield from decoder.feed(data)
                if not stop_sent and pace.lost(decoder.count, now_s, drained=len(data) < 4096):
                    yield Chunk(
                        decoder.count,
                        np.empty(0, np.float32),
                        gaps=(Gap(pace.doubtful_from, decoder.count - pace.doubtful_from),),
                    )
            elif stop_sent and now_s > heard_s + QUIET_S:
                yield from decoder.finish()
                return
            elif now_s > heard_s + silent_s:
                raise DeadlineError(
                    f"the PPK2 at {self._line.port} sends nothing for {silent_s:.0f} s; is it "
                    "still plugged in?"
                )
            if decoder.stray_b > STRAY_MAX_B:
                raise MonitorError(
                    f"the PPK2 at {self._line.port} sends what are no samples; unplug it and plug "
                    "it in again"
                )

    def stop(self) -> None:
        """Ask `chunks` to end."""
        self._stopping.set()

    def close(self) -> None:
        """Stop, switch the supply off and let go."""
        self._ending.close()

    def _read_metadata(self) -> str:
        end_s = time.monotonic() + METADATA_S
        heard = b""
        while b"END" not in heard:
            if time.monotonic() > end_s:
                raise DeadlineError(
                    f"{self._line.port} does not send its metadata within {METADATA_S:.0f} s"
                    + (f"; it sent {heard[-60:]!r}" if heard else "")
                    + ". Is a PPK2 there, and this its first port? Unplug it and plug it in again"
                )
            heard += self._line.read(0.1)
        return heard.decode("latin-1")
