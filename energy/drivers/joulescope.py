"""Joulescope JS110, JS220 and JS320, by the maker's own driver (pyjoulescope_driver).

    driver = "joulescope"
    pin = 0            # general-purpose input that the timing pin is wired to

The instrument sits in the supply line of the DUT: `power_on` closes it, `power_off` opens it.
Current and voltage are measured for every sample; edges come at twice the rate or more.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tinybench import extras
from tinybench.errors import DeadlineError, MonitorError, ToolMissingError, UsageError

from ..monitor import WANTED, Found, MonitorSpec, choose, ending, ready
from ..trace import Chunk, Edge, Gap, TraceHead

USB_IDS = ["16d0:0e88", "16d0:10ba", "16d0:135a"]
"""JS110, JS220, JS320. Ref: joulescope_driver, 99-joulescope.rules."""
RATES_HZ = {"js110": 2_000_000, "js220": 1_000_000, "js320": 1_000_000}
PINS = {"js110": 2, "js220": 4, "js320": 4}
SWITCH = {"js110": "s/i/range/select"}
"""Setting that opens the supply line; "s/i/range/mode" in the later models."""
RANGE_MAX_A = 10.0
TIMEOUT_S = 5.0
QUIET_S = 0.3
CHUNK_S = 0.05
LOST_MAX_S = 60.0
"""A jump longer than this is no loss, but a restart."""
EDGES_LATE_S = 1.0

Callback = Callable[[str, Any], None]


class Driver(Protocol):
    """What is used of `pyjoulescope_driver.Driver`."""

    def device_paths(self, timeout: float | None = None) -> list[str]: ...
    def open(self, path: str, mode: str | None = None, timeout: float | None = None) -> None: ...
    def close(self, path: str, timeout: float | None = None) -> None: ...
    def publish(self, topic: str, value: object, timeout: float | None = None) -> None: ...
    def query(self, topic: str, timeout: float | None = None) -> Any: ...
    def subscribe(
        self, topic: str, flags: str, fn: Callback, timeout: float | None = None
    ) -> None: ...
    def unsubscribe(self, topic: str, fn: Callback, timeout: float | None = None) -> None: ...
    def finalize(self, timeout: float | None = None) -> None: ...


def open(spec: MonitorSpec, driver: Driver | None = None) -> "Joulescope":  # noqa: A001
    """Open a Joulescope, by the given driver object or the maker's; see `open_monitor`."""
    driver = _driver() if driver is None else driver
    try:
        one = choose(_listed(driver), spec)
        monitor = Joulescope(driver, one, spec)
    except BaseException:
        driver.finalize()
        raise
    return ready(monitor)


def attached() -> list[Found]:
    """Return the Joulescopes that are plugged in."""
    driver = _driver()
    try:
        return _listed(driver)
    finally:
        driver.finalize()


class Joulescope:
    """An open Joulescope; made by `open`."""

    def __init__(self, driver: Driver, found: Found, spec: MonitorSpec) -> None:
        self._driver = driver
        self._path = found.port
        self._spec = spec
        self._serial = found.serial
        self._model = found.model.lower()
        if self._model not in RATES_HZ:
            raise UsageError(f"{found.model}: this driver knows {', '.join(RATES_HZ)}")
        if not 0 <= spec.pin < PINS[self._model]:
            raise UsageError(f"pin = {spec.pin}: a {found.model} has 0 to {PINS[self._model] - 1}")
        self._rate_hz = float(spec.rate_hz or RATES_HZ[self._model])
        self._firmware = ""
        self._messages: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
        self._topics = {"i": "s/i", "v": "s/v", "gpi": f"s/gpi/{spec.pin}"}
        self._on = self._hear  # the same bound method for unsubscribe
        self._streaming = False
        self._stopping = threading.Event()
        self._ending = ending(
            self._halt,
            self.power_off,
            lambda: self._driver.close(self._path, timeout=TIMEOUT_S),
            self._driver.finalize,
        )

    @property
    def head(self) -> TraceHead:
        """What it is, and how it samples as now set."""
        return TraceHead(
            rate_hz=self._rate_hz,
            unit="A",
            monitor=self._model.upper(),
            serial=self._serial,
            firmware=self._firmware,
            voltage_measured=True,
            range_max=RANGE_MAX_A,
            marks=self._spec.marks,
        )

    def set_up(self) -> None:
        """Open the instrument with its defaults, the supply line opened."""
        self._try("open", lambda: self._driver.open(self._path, "defaults", timeout=TIMEOUT_S))
        with contextlib.suppress(MonitorError):  # a JS110 does not say
            version = self._try(
                "ask for the firmware",
                lambda: self._driver.query(f"{self._path}/c/fw/version", timeout=TIMEOUT_S),
            )
            self._firmware = _version(version)
        self.power_off()
        if self._spec.rate_hz is not None:
            self._publish("h/fs", int(self._spec.rate_hz))

    def power_on(self) -> None:
        """Close the supply line of the DUT; the current range is automatic."""
        self._publish(SWITCH.get(self._model, "s/i/range/mode"), "auto")

    def power_off(self) -> None:
        """Open the supply line of the DUT."""
        self._publish(SWITCH.get(self._model, "s/i/range/mode"), "off")

    def read_voltage(self) -> float | None:
        """Return None: every sample has its own voltage."""
        return None

    def start(self) -> None:
        """Start to sample; sample 0 comes next."""
        self._stopping.clear()
        self._messages = queue.SimpleQueue()
        self._streaming = True
        for topic in self._topics.values():
            self._try(
                "subscribe",
                lambda topic=topic: self._driver.subscribe(
                    f"{self._path}/{topic}/!data", "pub", self._on, timeout=TIMEOUT_S
                ),
            )
        for topic in self._topics.values():
            self._publish(f"{topic}/ctrl", 1)

    def chunks(self, silent_s: float = 3.0) -> Iterator[Chunk]:
        """Yield what is sampled; see `Monitor.chunks`."""
        merge = Merge(self._rate_hz, self._spec.edge)
        messages = self._messages
        told_s = heard_s = time.monotonic()
        stopped = False
        while True:
            if self._stopping.is_set() and not stopped:
                self._halt()
                stopped = True
            try:
                kind, message = messages.get(timeout=0.05)
            except queue.Empty:
                if stopped and time.monotonic() > heard_s + QUIET_S:
                    break
            else:
                heard_s = time.monotonic()
                merge.feed(kind, message)
            chunk = merge.take()
            if chunk is not None:
                told_s = time.monotonic()
                yield chunk
            elif time.monotonic() > told_s + silent_s and not stopped:
                raise DeadlineError(
                    f"{self._name} gives no {merge.missing()} for {silent_s:.0f} s; is it still "
                    "plugged in?"
                )
        merge.finish()
        chunk = merge.take()
        if chunk is not None:
            yield chunk

    def stop(self) -> None:
        """Ask `chunks` to end."""
        self._stopping.set()

    def close(self) -> None:
        """Stop, open the supply line and let go."""
        self._ending.close()

    def _halt(self) -> None:
        """Stop the streams, as far as that goes."""
        if not self._streaming:
            return
        self._streaming = False
        for topic in self._topics.values():
            with contextlib.suppress(MonitorError):
                self._publish(f"{topic}/ctrl", 0)
        for topic in self._topics.values():
            with contextlib.suppress(RuntimeError, TimeoutError, OSError):
                self._driver.unsubscribe(f"{self._path}/{topic}/!data", self._on, timeout=TIMEOUT_S)

    @property
    def _name(self) -> str:
        return f"{self._model.upper()} {self._serial}"

    def _hear(self, topic: str, value: dict[str, Any]) -> None:
        """Take a message, in the thread of the driver."""
        name = topic[len(self._path) + 1 :].removesuffix("/!data")
        kinds = {path: kind for kind, path in self._topics.items()}
        if name in kinds:
            self._messages.put((kinds[name], value))

    def _publish(self, topic: str, value: object) -> None:
        self._try(
            f"set {topic} to {value}",
            lambda: self._driver.publish(f"{self._path}/{topic}", value, timeout=TIMEOUT_S),
        )

    def _try(self, what: str, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except (RuntimeError, TimeoutError, ValueError, OSError) as error:
            raise MonitorError(
                f"{self._name}: cannot {what}: {error or type(error).__name__}; unplug it and plug "
                "it in again"
            ) from error


class _Stream:
    """Successive samples of one signal; a jump of the index becomes NaN."""

    def __init__(self) -> None:
        self.next = 0
        self._pieces: list[NDArray[np.float32]] = []
        self._held = 0
        self._dirty = False

    def add(self, index: int, data: NDArray[np.float32], lost_max: int) -> None:
        """Append data whose first sample has the given index."""
        if index < self.next:
            data = data[self.next - index :]  # told twice, or from before sample 0
        elif index > self.next:
            if index - self.next > lost_max:
                raise MonitorError(f"its samples jump by {index - self.next}: it has restarted")
            self._put(np.full(index - self.next, np.nan, np.float32))
        if len(data):
            self._put(data)

    def _put(self, data: NDArray[np.float32]) -> None:
        self._dirty = self._dirty or not np.isfinite(data.sum())
        self._pieces.append(data)
        self._held += len(data)
        self.next += len(data)

    def cut(self, count: int) -> tuple[NDArray[np.float32], bool]:
        """Return the first `count` samples, and whether NaN may be among them."""
        whole = self._pieces[0] if len(self._pieces) == 1 else np.concatenate(self._pieces)
        self._pieces = [whole[count:]] if len(whole) > count else []
        self._held -= count
        dirty = self._dirty
        self._dirty = dirty and not np.isfinite(sum(float(p.sum()) for p in self._pieces))
        return whole[:count], dirty

    @property
    def held(self) -> int:
        """Samples that were not cut yet."""
        return self._held


@dataclass(frozen=True)
class _Bits:
    tick: int
    step: int
    """Ticks from bit to bit."""
    data: NDArray[np.uint8]


class Merge:
    """Messages of the driver to chunks with current, voltage and edges on one time axis.

    `sample_id` counts ticks of the instrument's clock, the same in all signals; a message has the
    samples from it on, one for each `decimate_factor` ticks. Losses show as a jump of `sample_id`
    alone. Raises MonitorError for what no instrument sends.
    """

    def __init__(self, rate_hz: float, edge: str = "falling") -> None:
        self._rate_hz = rate_hz
        self._wanted = WANTED[edge]
        self._origin: int | None = None
        self._tick_hz = 0.0
        self._current = _Stream()
        self._voltage = _Stream()
        self._early: list[dict[str, Any]] = []
        """Messages of voltage and edges from before the first of current."""
        self._bits: _Bits | None = None
        self._level: int | None = None
        self._edges_until = 0
        self._start = 0
        self._edges: list[Edge] = []
        self._gaps: list[Gap] = []
        self._all = False

    def feed(self, kind: str, message: dict[str, Any]) -> None:
        """Take a message of "i", "v" or "gpi"."""
        try:
            tick, step = int(message["sample_id"]), int(message["decimate_factor"])
            tick_hz, data = float(message["sample_rate"]), np.asarray(message["data"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise MonitorError(f"a message of the Joulescope's driver has no {error}") from error
        if not (step > 0 and tick_hz > 0):
            raise MonitorError(f"a Joulescope with {tick_hz} ticks a second, {step} a sample")
        if kind != "gpi" and abs(tick_hz / step / self._rate_hz - 1) > 1e-6:
            raise MonitorError(
                f"the Joulescope takes {tick_hz / step:.0f} samples a second, {self._rate_hz:.0f} "
                "are set"
            )
        if self._origin is None:
            if kind != "i":
                self._early = [*self._early[-20:], {**message, "kind": kind}]
                return
            self._origin, self._tick_hz = tick, tick_hz
            for early in self._early:
                self.feed(early["kind"], early)
            self._early = []
        if kind == "gpi":
            self._feed_bits(_Bits(tick, step, data.astype(np.uint8, copy=False)))
            return
        stream = self._current if kind == "i" else self._voltage
        lost_max = round(LOST_MAX_S * self._rate_hz)
        index = (tick - self._origin) // step
        stream.add(index, data.astype(np.float32, copy=False), lost_max)

    def take(self) -> Chunk | None:
        """Return the samples that have both current and voltage, some at a time."""
        count = min(self._current.held, self._voltage.held)
        if count < (1 if self._all else self._rate_hz * CHUNK_S):
            return None
        self._insist_on_edges()
        samples, dirty_i = self._current.cut(count)
        volts, dirty_v = self._voltage.cut(count)
        if dirty_i or dirty_v:
            lost = ~np.isfinite(samples + volts)
            samples, volts = samples.copy(), volts.copy()
            samples[lost] = volts[lost] = np.nan
            self._gaps += _runs(lost, self._start)
        chunk = Chunk(self._start, samples, volts, tuple(self._edges), tuple(self._gaps))
        self._start += count
        self._edges, self._gaps = [], []
        return chunk

    def finish(self) -> None:
        """Take what is left as it is."""
        self._all = True
        if self._bits is not None:  # the last byte may be padded
            whole = len(self._bits.data) - 1
            self._take_bits(self._bits, 8 * whole)
            self._bits = None

    def missing(self) -> str:
        """Say which signal does not come."""
        if not self._current.next:
            return "samples"
        return "voltage" if self._voltage.next < self._current.next else "current"

    def _insist_on_edges(self) -> None:
        """Raise when the samples go on and the timing pin does not: its edges are lost."""
        origin = self._origin or 0
        late_s = (self._start / self._rate_hz) - (self._edges_until - origin) / self._tick_hz
        if self._edges_until and late_s > EDGES_LATE_S:
            raise MonitorError(f"the Joulescope's input is {late_s:.1f} s behind its samples")

    def _feed_bits(self, bits: _Bits) -> None:
        """Take a message of the timing pin; only the next one says how long it was."""
        last = self._bits
        if last is not None:
            if bits.tick <= last.tick:
                return  # told twice
            told = min((bits.tick - last.tick) // last.step, 8 * len(last.data))
            self._take_bits(last, told)
            end = last.tick + told * last.step
            if bits.tick > end:
                self._lose_bits(end, bits.tick)
        self._bits = bits

    def _take_bits(self, bits: _Bits, count: int) -> None:
        self._edges_until = bits.tick + count * bits.step
        level = self._level
        if count == 0:
            return
        even = {0: 0x00, 1: 0xFF}.get(-1 if level is None else level)
        if even is not None and (bits.data == even).all():
            return
        levels = np.unpackbits(bits.data, bitorder="little")[:count]
        changed = np.flatnonzero(levels[1:] != levels[:-1]) + 1
        indices = [int(index) for index in changed]
        if level is not None and levels[0] != level:
            indices = [0, *indices]
        self._level = int(levels[-1])
        half_s = 0.5 * bits.step / self._tick_hz
        for index in indices:
            tick = bits.tick + index * bits.step - (self._origin or 0)
            time_s = tick / self._tick_hz - half_s
            if levels[index] in self._wanted and time_s >= 0:
                self._edges.append(Edge(time_s, bool(levels[index]), half_s))

    def _lose_bits(self, first: int, last: int) -> None:
        """Say that nobody saw the timing pin from one tick to another."""
        to_index = self._rate_hz / self._tick_hz
        start = max(0, int((first - (self._origin or 0)) * to_index))
        stop = max(0, int((last - (self._origin or 0)) * to_index) + 1)
        if stop > start:
            self._gaps.append(Gap(start, stop - start))


def _runs(lost: NDArray[np.bool_], start: int) -> list[Gap]:
    """Return the runs of True as gaps."""
    ends = np.flatnonzero(np.diff(np.concatenate(([False], lost, [False]))))
    return [
        Gap(start + int(first), int(last - first))
        for first, last in zip(ends[::2], ends[1::2], strict=True)
    ]


def _driver() -> Driver:
    """Return the maker's driver. Raises ToolMissingError when it is not installed."""
    try:
        from pyjoulescope_driver import Driver as Makers
    except ImportError:
        raise ToolMissingError(
            extras.missing("a Joulescope", "the maker's driver", "joulescope")
        ) from None
    try:
        made: Any = Makers()
    except (RuntimeError, TimeoutError, OSError) as error:
        raise MonitorError(f"the Joulescope's driver does not start: {error}") from error
    return made


def _listed(driver: Driver) -> list[Found]:
    """Return what a driver sees; a path is such as u/js220/000415."""
    try:
        paths = driver.device_paths(timeout=TIMEOUT_S)
    except (RuntimeError, TimeoutError, OSError) as error:
        raise MonitorError(f"the Joulescope's driver does not answer: {error}") from error
    parts = [path.split("/") for path in paths if path.count("/") == 2]
    return [
        Found("joulescope", model.upper(), serial, f"{bus}/{model}/{serial}")
        for bus, model, serial in parts
    ]


def _version(number: object) -> str:
    """Return a version as text; the driver gives 8 bits, 8 bits and 16 bits."""
    if not isinstance(number, int):
        return str(number)
    return f"{number >> 24 & 0xFF}.{number >> 16 & 0xFF}.{number & 0xFFFF}"
