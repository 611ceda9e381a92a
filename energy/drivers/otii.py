"""Qoitech Otii Arc and Ace, by the Otii server and its TCP client (otii-tcp-client).

    driver = "otii"
    port = "127.0.0.1:1905"    # where the server listens; this is the default
    pin = 1                    # general-purpose input 1 or 2 that the timing pin is wired to

The server needs a licence for automation, and must be logged in.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinybench import extras
from tinybench.errors import (
    DeadlineError,
    MonitorError,
    ToolMissingError,
    TransportError,
    UsageError,
)

from ..accuracy import accuracy
from ..monitor import WANTED, Found, MonitorSpec, choose, ending, ready
from ..trace import Chunk, Edge, Gap, TraceHead

USB_IDS: list[str] = []  # the maker's server has it
HOST, PORT = "127.0.0.1", 1905
TIMEOUT_S = 5.0
DEVICES_S = 3
POLL_S = 0.1
FETCH = 40_000
"""Samples in one answer of the server; it is text."""
RATES_HZ = {"Arc": (4000, 1000), "Ace": (50_000, 50_000), "Simulator": (4000, 1000)}
"""Current and voltage, at most."""
LICENCE = "Automation"
RANGE_MAX_A = 5.0
LATE_SAMPLES = 0.01
"""Of a sample: how far a time stamp may be from where the samples before it end."""


def open(spec: MonitorSpec) -> "Otii":  # noqa: A001 - the name every driver has
    """Open an Otii; see `open_monitor`."""
    if spec.pin not in (0, 1, 2):
        raise UsageError(f"pin = {spec.pin}: an Otii has the inputs 1 and 2")
    client, connection = _connect(*_address(spec.port))
    return ready(Otii(client, connection, spec))


def attached() -> list[Found]:
    """Return what a server on this computer sees; nothing when there is no server."""
    try:
        client, connection = _connect(HOST, PORT)
    except TransportError:
        return []
    try:
        devices = _asked("list devices", lambda: client.get_devices(DEVICES_S))
        return [Found("otii", one.type, one.id, f"{HOST}:{PORT}") for one in devices]
    finally:
        connection.close_connection()


class Otii:
    """An open Otii; made by `open`."""

    def __init__(self, client: Any, connection: Any, spec: MonitorSpec) -> None:
        self._client = client
        self._connection = connection
        self._lock = threading.Lock()
        self._spec = spec
        self._input = f"i{spec.pin or 1}"
        self._device: Any = None
        self._project: Any = None
        self._licence: int | None = None
        self._serial = ""
        self._firmware = ""
        self._rate_hz = 0.0
        self._voltage_hz = 0.0
        self._recording = False
        self._stopping = threading.Event()
        self._ending = ending(
            self._stop_recording, self.power_off, self._return_licence, connection.close_connection
        )

    @property
    def head(self) -> TraceHead:
        """What it is, and how it samples as now set."""
        kind = self._device.type
        return TraceHead(
            rate_hz=self._rate_hz,
            unit="A",
            monitor=f"Otii {kind}",
            serial=self._serial,
            firmware=self._firmware,
            voltage_measured=True,
            range_max=RANGE_MAX_A,
            accuracy=accuracy(f"otii-{kind.lower()}"),
            marks=self._spec.marks,
        )

    def set_up(self) -> None:
        """Reserve the licence, choose the device, switch its supply off, set rates and voltage."""
        self._reserve()
        devices = self._ask("list devices", lambda: self._client.get_devices(DEVICES_S))
        found = [Found("otii", one.type, one.id, "") for one in devices]
        wanted = choose(found, self._spec)
        self._device = next(one for one in devices if one.id == wanted.serial)
        self._serial = self._device.id
        if self._device.type not in RATES_HZ:
            raise UsageError(f"an Otii {self._device.type} is none of {', '.join(RATES_HZ)}")
        self._project = self._ask("make a project", self._client.create_project)
        device = self._device
        self._ask("add it to a project", device.add_to_project)
        self.power_off()
        version = self._ask("ask for its version", device.get_version)
        self._firmware = str(version.get("fw_version", ""))
        most_hz, voltage_hz = RATES_HZ[device.type]
        rate_hz = round(self._spec.rate_hz or most_hz)
        if rate_hz > most_hz:
            raise UsageError(f"rate_hz = {rate_hz}: an Otii {device.type} does {most_hz} at most")
        volts = self._spec.voltage_v
        self._ask("set the voltage", lambda: device.set_main_voltage(volts))
        self._ask("set the input's level", lambda: device.set_exp_voltage(volts))
        self._ask("switch its port on", lambda: device.enable_exp_port(True))
        for channel in ("mc", "mv", self._input):
            self._ask(
                f"enable {channel}", lambda channel=channel: device.enable_channel(channel, True)
            )
        for channel, hz in (("mc", rate_hz), ("mv", min(rate_hz, voltage_hz))):
            if device.type == "Ace":
                self._ask(
                    f"set the rate of {channel}",
                    lambda channel=channel, hz=hz: device.set_channel_samplerate(channel, hz),
                )
        self._rate_hz = self._rate("mc")
        self._voltage_hz = self._rate("mv")
        if self._rate_hz % self._voltage_hz:
            raise MonitorError(
                f"the Otii's rates are {self._rate_hz:g} and {self._voltage_hz:g} a second; the "
                "first must be a multiple of the second"
            )

    def power_on(self) -> None:
        """Supply the DUT."""
        self._ask("switch the supply on", lambda: self._device.set_main(True))

    def power_off(self) -> None:
        """Take the supply from the DUT."""
        self._ask("switch the supply off", lambda: self._device.set_main(False))

    def read_voltage(self) -> float | None:
        """Return the DUT's supply in V."""
        volts = float(self._ask("read the voltage", lambda: self._device.get_value("mv")))
        if not math.isfinite(volts):
            raise MonitorError(f"the Otii reads {volts} V")
        return volts

    def start(self) -> None:
        """Start to sample; sample 0 comes next."""
        self._stopping.clear()
        self._ask("start recording", self._project.start_recording)
        self._recording = True

    def chunks(self, silent_s: float = 3.0) -> Iterator[Chunk]:
        """Yield what is sampled; see `Monitor.chunks`."""
        recording = self._ask("find its recording", self._project.get_last_recording)
        if recording is None:
            raise MonitorError("the Otii server does not record; is another client in control?")
        ratio = round(self._rate_hz / self._voltage_hz)
        reader = _Reader(self._rate_hz, ratio, self._input, WANTED[self._spec.edge])
        heard_s = time.monotonic()
        while True:
            if self._stopping.is_set():
                self._stop_recording()
            ended = not self._recording
            chunk = reader.read(lambda what: self._ask_recording(recording, what))
            if chunk is not None:
                heard_s = time.monotonic()
                yield chunk
            elif ended:
                return
            elif time.monotonic() > heard_s + silent_s:
                raise DeadlineError(
                    f"the Otii gives no new samples for {silent_s:.0f} s; is it still plugged in?"
                )
            else:
                time.sleep(POLL_S)

    def stop(self) -> None:
        """Ask `chunks` to end."""
        self._stopping.set()

    def close(self) -> None:
        """Stop, switch the supply off, give the licence back."""
        self._ending.close()

    def _stop_recording(self) -> None:
        if self._recording:
            self._ask("stop recording", self._project.stop_recording)
            self._recording = False

    def _return_licence(self) -> None:
        if self._licence is not None:
            self._ask("return the licence", lambda: self._client.return_license(self._licence))

    def _reserve(self) -> None:
        """Reserve the licence that automation needs."""
        if not self._ask("ask whether it is logged in", self._client.is_logged_in):
            raise MonitorError(
                "the Otii server is not logged in; log in there with the account that has the "
                f"{LICENCE} licence"
            )
        licences = self._ask("list the licences", self._client.get_licenses)
        of_kind = [
            one for one in licences if one["type"] in (LICENCE, "Enterprise", "All", "Admin")
        ]
        free = [one for one in of_kind if one["available"] and not one["reserved_to"]]
        if not free:
            taken = ", ".join(str(one["reserved_to"]) for one in of_kind if one["reserved_to"])
            raise MonitorError(
                f"the Otii server has no free {LICENCE} licence"
                + (f"; reserved by {taken}: ask for it, or close the other client" if taken else "")
            )
        number = free[0]["id"]
        self._ask("reserve the licence", lambda: self._client.reserve_license(number))
        self._licence = number

    def _rate(self, channel: str) -> float:
        """Return the rate that a channel has, in Hz."""
        if self._device.type != "Ace":
            return float(RATES_HZ[self._device.type][0 if channel == "mc" else 1])
        what = f"read the rate of {channel}"
        rate_hz = float(self._ask(what, lambda: self._device.get_channel_samplerate(channel)))
        if not (math.isfinite(rate_hz) and rate_hz > 0):
            raise MonitorError(f"the Otii's {channel} has {rate_hz} samples a second")
        return rate_hz

    def _ask_recording(self, recording: Any, data: dict[str, Any]) -> dict[str, Any]:
        """Send a command about the recording; its own methods would wait for ever."""
        command = data.pop("cmd")
        request = {
            "type": "request",
            "cmd": command,
            "data": {"recording_id": recording.id, "device_id": self._serial, **data},
        }
        answer = self._ask(command, lambda: self._connection.send_and_receive(request, TIMEOUT_S))
        if answer.get("type") == "error" or not isinstance(answer.get("data"), dict):
            raise MonitorError(f"the Otii server refuses {command}: {answer}")
        return answer["data"]

    def _ask(self, what: str, do: Callable[[], Any]) -> Any:
        with self._lock:  # one thread reads, another switches
            return _asked(what, do)


class _Reader:
    """Fetches what a recording has by now: current, voltage and edges, on one time axis."""

    def __init__(self, rate_hz: float, ratio: int, channel: str, wanted: tuple[int, ...]) -> None:
        self._rate_hz = rate_hz
        self._ratio = ratio
        self._input = channel
        self._wanted = wanted
        self._start = 0
        self._before = 0
        """Where the samples of the last answer began."""
        self._lost = 0
        """Samples that the server's time stamps say are missing so far."""
        self._edges = 0
        self._level: bool | None = None

    def read(self, ask: Callable[[dict[str, Any]], dict[str, Any]]) -> Chunk | None:
        """Return the next samples that have both current and voltage."""
        have = {channel: self._count(ask, channel) for channel in ("mc", "mv", self._input)}
        there = self._start - self._lost
        volts_from, volts_to = there // self._ratio, have["mv"]
        count = min(have["mc"], volts_to * self._ratio) - there
        count = min(count, FETCH) if there % self._ratio == 0 else 0
        count -= count % self._ratio
        if count <= 0:
            return None
        samples, time_s = self._analog(ask, "mc", there, count)
        volts, _ = self._analog(ask, "mv", volts_from, count // self._ratio)
        volts = np.repeat(volts, self._ratio)
        gaps = []
        late = time_s * self._rate_hz - self._start
        if abs(late) > LATE_SAMPLES:
            missing = round(late)
            if missing < 0 or abs(late - missing) > LATE_SAMPLES * max(1, missing):
                raise MonitorError(f"the Otii's samples jump by {late / self._rate_hz:.6f} s")
            # Lost anywhere since the last time stamp: those samples are doubtful too.
            gaps.append(Gap(self._before, self._start - self._before + missing))
            nothing = np.full(missing, np.nan, np.float32)
            samples = np.concatenate((nothing, samples))
            volts = np.concatenate((nothing, volts))
            self._lost += missing
        edges = self._new_edges(ask, have[self._input])
        chunk = Chunk(self._start, samples, volts, edges, tuple(gaps))
        self._before = self._start + len(samples) - count
        self._start += len(samples)
        return chunk

    def _count(self, ask: Callable[[dict[str, Any]], dict[str, Any]], channel: str) -> int:
        answer = ask({"cmd": "recording_get_channel_data_count", "channel": channel})
        count = answer.get("count")
        if not isinstance(count, int) or count < 0:
            raise MonitorError(f"the Otii server says that {channel} has {count!r} samples")
        return count

    def _data(
        self,
        ask: Callable[[dict[str, Any]], dict[str, Any]],
        channel: str,
        index: int,
        count: int,
    ) -> dict[str, Any]:
        answer = ask(
            {
                "cmd": "recording_get_channel_data",
                "channel": channel,
                "index": index,
                "count": count,
            }
        )
        values = answer.get("values")
        if not isinstance(values, list) or len(values) != count:
            found = len(values) if isinstance(values, list) else "none"
            raise MonitorError(f"the Otii server gives {found} of {count} samples of {channel}")
        return answer

    def _analog(
        self,
        ask: Callable[[dict[str, Any]], dict[str, Any]],
        channel: str,
        index: int,
        count: int,
    ) -> tuple[NDArray[np.float32], float]:
        """Return samples and the time of the first. Raises MonitorError for no numbers."""
        answer = self._data(ask, channel, index, count)
        try:
            values = np.array(answer["values"], np.float32)
            time_s = float(answer["timestamp"])
        except (KeyError, TypeError, ValueError) as error:
            raise MonitorError(f"the Otii's {channel} is no list of numbers: {error}") from error
        if values.shape != (count,) or not np.isfinite(values).all() or not math.isfinite(time_s):
            raise MonitorError(
                f"the Otii's {channel} has a value near {time_s} s that is no number"
            )
        return values, time_s

    def _new_edges(
        self, ask: Callable[[dict[str, Any]], dict[str, Any]], count: int
    ) -> tuple[Edge, ...]:
        """Return the edges since the last call; a first value at 0 s is the level, no edge."""
        if count <= self._edges:
            return ()
        found = []
        half_s = 0.5 / self._rate_hz
        values = self._data(ask, self._input, self._edges, count - self._edges)["values"]
        for value in values:
            try:
                time_s, level = float(value["timestamp"]), bool(value["value"])
            except (KeyError, TypeError, ValueError) as error:
                raise MonitorError(f"the Otii's input has {value!r}, no edge") from error
            first = self._level is None and time_s <= 0
            if not first and level in self._wanted and level != self._level:
                found.append(Edge(time_s, level, half_s))
            self._level = level
        self._edges = count
        return tuple(found)


def _address(port: str | None) -> tuple[str, int]:
    if port is None:
        return HOST, PORT
    host, _, number = port.rpartition(":")
    if not host or not number.isdecimal():
        raise UsageError(f"port = '{port}': the Otii server is at host:port, such as {HOST}:{PORT}")
    return host, int(number)


def _connect(host: str, port: int) -> tuple[Any, Any]:
    """Return the client and its connection, which every wait has a deadline for."""
    try:
        from otii_tcp_client.otii import Otii as Client
        from otii_tcp_client.otii_connection import OtiiConnection
    except ImportError:
        raise ToolMissingError(extras.missing("an Otii", "its TCP client", "otii")) from None
    connection = OtiiConnection(host, port)
    try:
        answer = connection.connect_to_server()
    except Exception as error:  # the client raises bare ones
        connection.close_connection()
        raise TransportError(
            f"no Otii server answers at {host}:{port} ({error or type(error).__name__}); start the "
            "Otii application and switch its TCP server on"
        ) from error
    if answer.get("type") == "error":
        connection.close_connection()
        raise TransportError(f"the Otii server at {host}:{port} refuses: {answer.get('errorcode')}")
    return Client(connection), connection


def _asked(what: str, do: Callable[[], Any]) -> Any:
    """Do something with the client; its many exceptions become ours."""
    try:
        return do()
    except TimeoutError as error:
        raise DeadlineError(
            f"the Otii server does not answer within {TIMEOUT_S:.0f} s: cannot {what}; is its "
            "window blocked by a question?"
        ) from error
    except Exception as error:  # the client raises bare ones
        words = getattr(error, "message", None) or str(error) or type(error).__name__
        raise MonitorError(f"the Otii server: cannot {what}: {str(words)[:300]}") from error
