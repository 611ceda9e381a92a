"""Keysight N6705 DC power analyzer (and the N6700 family), by VISA: pyvisa with pyvisa-py.

    driver = "n6705"
    port = "TCPIP0::192.168.1.20::inst0::INSTR"
    channel = 1        # the output that supplies the DUT
    pin = 0            # 1 to 7: the digital pin that starts the log; 0: at once

It logs current and voltage through its external data logger, at most 4883 samples a second of
both. It records no edges: a window can be found only from outside. The one edge there is, the
trigger's, is at 0 s. Ref: N6705B and N6700 User's Guide, External Data Logging.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinybench import extras
from tinybench.errors import (
    DeadlineError,
    MonitorError,
    ToolMissingError,
    TransportError,
    UsageError,
)

from ..monitor import Found, MonitorSpec, ending, ready
from ..pace import SETTLE_S, Pace
from ..trace import Chunk, Edge, Gap, TraceHead

USB_IDS = ["0957:0f07"]
TIMEOUT_MS = 5000
PERIOD_MIN_S = 204.8e-6
"""Of two readings, current and voltage, as binary numbers."""
FETCH = 4096
POLL_S = 0.05
BUFFER_S = 15.0
"""The instrument keeps about 20 s; after less than that nothing may be lost."""


def open(spec: MonitorSpec, resources: Any = None) -> "N6705":  # noqa: A001
    """Open an N6705, by the given VISA resource manager or pyvisa-py's; see `open_monitor`."""
    if spec.port is None:
        raise UsageError(
            "an N6705 needs its VISA resource as port, such as TCPIP0::192.168.1.20::inst0::INSTR"
        )
    if not 0 <= spec.pin <= 7:
        raise UsageError(f"pin = {spec.pin}: an N6705 has the digital pins 1 to 7; 0 for none")
    period_s = 1 / spec.rate_hz if spec.rate_hz else PERIOD_MIN_S
    if period_s < PERIOD_MIN_S * (1 - 1e-6):
        raise UsageError(
            f"rate_hz = {spec.rate_hz:g}: an N6705 logs {1 / PERIOD_MIN_S:.0f} samples a second at "
            "most"
        )
    manager = _resources() if resources is None else resources
    try:
        instrument = manager.open_resource(
            spec.port, read_termination="\n", write_termination="\n", timeout=TIMEOUT_MS
        )
    except Exception as error:  # as many kinds as there are buses
        raise TransportError(
            f"cannot open {spec.port}: {error}; is it switched on, and is that its address "
            "(Utilities, I/O Configuration)?"
        ) from error
    return ready(N6705(instrument, spec, period_s))


def attached() -> list[Found]:
    """Return nothing: to look for one would be to ask every address of the network."""
    return []


class N6705:
    """An open N6705; made by `open`."""

    def __init__(self, instrument: Any, spec: MonitorSpec, period_s: float) -> None:
        self._instrument = instrument
        self._lock = threading.Lock()
        self._spec = spec
        self._at = f"(@{spec.channel})"
        self._period_s = period_s
        self._model = ""
        self._serial = ""
        self._firmware = ""
        self._logging = False
        self._stopping = threading.Event()
        self._ending = ending(self._halt, self.power_off, instrument.close)

    @property
    def head(self) -> TraceHead:
        """What it is, and how it samples as now set."""
        return TraceHead(
            rate_hz=1 / self._period_s,
            unit="A",
            monitor=self._model,
            serial=self._serial,
            firmware=self._firmware,
            voltage_measured=True,
            marks=self._spec.marks,
        )

    def set_up(self) -> None:
        """Ask what it is, switch the supply off, log our output and no other."""
        name = self._query("*IDN?")
        parts = [part.strip() for part in name.split(",")]
        if len(parts) != 4 or not parts[1].startswith("N67"):
            raise MonitorError(f"{self._spec.port} says it is '{name}', no Keysight N6705 or N6700")
        _, self._model, self._serial, self._firmware = parts
        self._write("*CLS")
        channels = int(self._number("SYST:CHAN?"))
        if not 1 <= self._spec.channel <= channels:
            raise UsageError(
                f"channel = {self._spec.channel}: this {self._model} has 1 to {channels}"
            )
        self.power_off()
        # Other outputs that log stretch the time base without a word.
        for channel in range(1, channels + 1):
            on = "ON" if channel == self._spec.channel else "OFF"
            for what in ("CURR", "VOLT"):
                self._write(f"SENS:ELOG:FUNC:{what} {on},(@{channel})")
                self._write(f"SENS:ELOG:FUNC:{what}:MINM OFF,(@{channel})")
        trigger = f"PIN{self._spec.pin}" if self._spec.pin else "IMM"
        for command in (
            f"VOLT {self._spec.voltage_v:.4f},{self._at}",
            "SENS:SWE:TINT:RES RES20",
            f"SENS:ELOG:PER {self._period_s:.7f},{self._at}",
            "FORM REAL",
            "FORM:BORD NORM",
            f"TRIG:ELOG:SOUR {trigger},{self._at}",
        ):
            self._write(command)
        asked_s, self._period_s = self._period_s, self._number(f"SENS:ELOG:PER? {self._at}")
        if not 0.5 * asked_s < self._period_s < 2 * asked_s:
            raise MonitorError(
                f"the {self._model} takes a sample each {self._period_s} s, {asked_s} s are set; "
                "does another output log?"
            )
        self._insist_no_error()

    def power_on(self) -> None:
        """Supply the DUT."""
        self._write(f"OUTP ON,{self._at}")

    def power_off(self) -> None:
        """Take the supply from the DUT."""
        self._write(f"OUTP OFF,{self._at}")

    def read_voltage(self) -> float | None:
        """Return the DUT's supply in V, as measured at the output."""
        return self._number(f"MEAS:VOLT? {self._at}")

    def start(self) -> None:
        """Start to sample; sample 0 comes next, or at the trigger."""
        self._stopping.clear()
        self._write(f"INIT:ELOG {self._at}")
        if not self._spec.pin:
            self._write(f"TRIG:ELOG {self._at}")
        self._insist_no_error()
        self._logging = True

    def chunks(self, silent_s: float = 3.0) -> Iterator[Chunk]:
        """Yield what is sampled; see `Monitor.chunks`."""
        pace = Pace(1 / self._period_s)
        count = 0
        heard_s = now_s = time.monotonic()
        stop_s: float | None = None
        while True:
            if self._stopping.is_set() and stop_s is None:
                stop_s = now_s + SETTLE_S
            samples, volts = self._fetch()
            before_s, now_s = now_s, time.monotonic()
            if now_s - before_s > BUFFER_S:
                raise MonitorError(
                    f"the {self._model} was not read for {now_s - before_s:.0f} s and has lost "
                    "samples; is this computer overloaded?"
                )
            if len(samples):
                heard_s = now_s
                edges = (Edge(0.0, None, self._period_s),) if self._spec.pin and not count else ()
                yield _chunk(count, samples, volts, edges)
                count += len(samples)
                if pace.lost(count, now_s, drained=len(samples) < FETCH):
                    gap = Gap(pace.doubtful_from, count - pace.doubtful_from)
                    nothing = np.empty(0, np.float32)
                    yield Chunk(count, nothing, nothing, (), (gap,))
            elif now_s > heard_s + silent_s:
                raise DeadlineError(
                    f"the {self._model} gives no samples for {silent_s:.0f} s"
                    + ("" if count else f"; does pin {self._spec.pin} trigger it?")
                )
            if stop_s is not None and now_s >= stop_s:
                self._halt()
                return
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Ask `chunks` to end."""
        self._stopping.set()

    def close(self) -> None:
        """Stop, switch the supply off and let go."""
        self._ending.close()

    def _halt(self) -> None:
        if self._logging:
            self._logging = False
            self._write(f"ABOR:ELOG {self._at}")

    def _fetch(self) -> tuple[Any, Any]:
        """Return new samples of current and voltage, each of shape [n]."""
        values = self._try(
            "FETC:ELOG?",
            lambda: self._instrument.query_binary_values(
                f"FETC:ELOG? {FETCH},{self._at}",
                datatype="f",
                is_big_endian=True,
                container=np.array,
            ),
        )
        if len(values) % 2:
            raise MonitorError(f"the {self._model} gives {len(values)} numbers, not pairs")
        pairs = values.astype(np.float32).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def _number(self, command: str) -> float:
        answer = self._query(command)
        try:
            value = float(answer)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or abs(value) > 9e36:  # 9.91e37 is SCPI's NaN
            raise MonitorError(f"{self._spec.port} answers '{command}' by '{answer}', no number")
        return value

    def _insist_no_error(self) -> None:
        answer = self._query("SYST:ERR?")
        if not answer.lstrip("+").startswith("0,"):
            raise MonitorError(f"the {self._model} reports an error: {answer}")

    def _write(self, command: str) -> None:
        self._try(command, lambda: self._instrument.write(command))

    def _query(self, command: str) -> str:
        answer = self._try(command, lambda: self._instrument.query(command))
        return str(answer).strip()

    def _try(self, command: str, do: Callable[[], Any]) -> Any:
        """Do something with the instrument; the errors of VISA become ours."""
        try:
            with self._lock:  # one thread reads, another switches
                return do()
        except Exception as error:
            if "VI_ERROR_TMO" in str(error):
                raise DeadlineError(
                    f"{self._spec.port} does not answer '{command}' within "
                    f"{TIMEOUT_MS / 1000:.0f} s; is it in local mode, or busy?"
                ) from error
            raise MonitorError(f"{self._spec.port}: '{command}' failed: {error}") from error


def _chunk(start: int, samples: Any, volts: Any, edges: tuple[Edge, ...]) -> Chunk:
    """Return a chunk; readings that are no numbers, or SCPI's NaN, are gaps."""
    lost = ~(np.isfinite(samples) & np.isfinite(volts)) | (np.abs(samples) > 9e36)
    lost |= np.abs(volts) > 9e36
    gaps = ()
    if lost.any():
        samples, volts = samples.copy(), volts.copy()
        samples[lost] = volts[lost] = np.nan
        gaps = tuple(Gap(start + int(index), 1) for index in np.flatnonzero(lost))
    return Chunk(start, samples, volts, edges, gaps)


def _resources() -> Any:
    """Return pyvisa-py's resource manager. Raises ToolMissingError when it is not installed."""
    try:
        import pyvisa
        import pyvisa_py  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError:
        raise ToolMissingError(extras.missing("an N6705", "VISA", "n6705")) from None
    return pyvisa.ResourceManager("@py")
