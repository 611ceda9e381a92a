"""A simulated Joulescope: an object with the methods and messages of the maker's driver."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .scene import Scene, Supply

FAULTS = (
    "no device",
    "two devices",
    "open fails",
    "publish times out",
    "current lost",  # jumps of sample_id
    "voltage lost",
    "input lost",
    "input stops",
    "no voltage",
    "nan",
    "inf",
    "told twice",
    "restart",
    "other rate",
    "padded input",
    "event lost",
    "event extra",
    "rate error",
    "silence",
)
TICKS_HZ = {"js110": 2_000_000, "js220": 2_000_000, "js320": 16_000_000}
STEPS = {"js110": (1, 1), "js220": (2, 1), "js320": (16, 16)}
"""Ticks from sample to sample, and from bit to bit."""
MESSAGE_S = 0.02
FAULT_AT = 1_500_000
FIRST_TICK = 123_456_000
SIGNALS = 3
"""Current, voltage and the timing pin: it starts when all of them are on."""

Callback = Callable[[str, Any], None]


class SimulatedJoulescope:
    """The driver object; voltage_v is of the supply that its user has connected."""

    def __init__(self, scene: Scene, *, model: str = "js220", voltage_v: float = 3.0) -> None:
        self._scene = scene
        self._fault_at = FAULT_AT if scene.fault_at is None else scene.fault_at
        self._model = model
        self._path = f"u/{model}/000415"
        self._voltage_v = voltage_v
        self.supply = Supply(scene)
        self._subscribers: dict[str, Callback] = {}
        self._enabled: set[str] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def device_paths(self, timeout: float | None = None) -> list[str]:  # noqa: ARG002
        """Return the instruments it sees."""
        if "no device" in self._scene.faults:
            return []
        others = ["u/js220/000999"] if "two devices" in self._scene.faults else []
        return [self._path, *others]

    def open(self, path: str, mode: str | None = None, timeout: float | None = None) -> None:
        """Open an instrument."""
        del mode, timeout
        if path != self._path or "open fails" in self._scene.faults:
            raise RuntimeError("open failed: device busy")

    def close(self, path: str, timeout: float | None = None) -> None:  # noqa: ARG002
        """Close an instrument."""
        self._halt()

    def finalize(self, timeout: float | None = None) -> None:  # noqa: ARG002
        """Let go of everything."""
        self._halt()

    def query(self, topic: str, timeout: float | None = None) -> Any:  # noqa: ARG002
        """Return a value."""
        if topic.endswith("c/fw/version"):
            return 0x0102_0003
        raise RuntimeError(f"not found: {topic}")

    def publish(self, topic: str, value: object, timeout: float | None = None) -> None:
        """Take a setting."""
        del timeout
        name = topic.removeprefix(self._path + "/")
        if "publish times out" in self._scene.faults and name.endswith("gpi/0/ctrl"):
            raise TimeoutError(topic)
        if name in ("s/i/range/mode", "s/i/range/select"):
            self.supply.switch(value == "auto")
        elif name.endswith("/ctrl"):
            (self._enabled.add if value else self._enabled.discard)(name.removesuffix("/ctrl"))
            if len(self._enabled) == SIGNALS and self._thread is None:
                self._stop.clear()
                self._scene.load.begin()
                self._thread = threading.Thread(target=self._run, name="simulated", daemon=True)
                self._thread.start()
            elif not self._enabled:
                self._halt()

    def subscribe(self, topic: str, flags: str, fn: Callback, timeout: float | None = None) -> None:
        """Call `fn` with messages of a topic."""
        del flags, timeout
        self._subscribers[topic.removeprefix(self._path + "/")] = fn

    def unsubscribe(self, topic: str, fn: Callback, timeout: float | None = None) -> None:
        """Call it no more."""
        del fn, timeout
        self._subscribers.pop(topic.removeprefix(self._path + "/"), None)

    def _halt(self) -> None:
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5)
            self._thread = None

    def _run(self) -> None:
        ticks_hz = TICKS_HZ[self._model]
        step, _ = STEPS[self._model]
        count = round(MESSAGE_S * ticks_hz / step)
        start_s = time.monotonic()
        index = 0
        while not self._stop.is_set():
            if self._scene.real_time:
                time.sleep(max(0.0, start_s + (index + count) * step / ticks_hz - time.monotonic()))
            elif index > 100 * count:
                time.sleep(0.002)
            while (index + count) * step / ticks_hz > self._scene.load.known_s():
                if self._stop.wait(0.002):
                    return
            if "silence" in self._scene.faults and index > self._fault_at:
                return
            with contextlib.suppress(KeyError):  # unsubscribed meanwhile
                self._send(index, count)
            index += count

    def _send(self, index: int, count: int) -> None:
        step, bit_step = STEPS[self._model]
        rate_hz = TICKS_HZ[self._model] / step
        true_hz = self._scene.true_hz(rate_hz)
        start_s = index / true_hz
        current = self.supply.current_a(self._scene.load, start_s, 1 / true_hz, count).astype(
            np.float32
        )
        voltage = np.full(count, self._voltage_v if self.supply.on else 0.0, np.float32)
        bits_count = count * step // bit_step
        bits = np.ones(bits_count, np.uint8)
        if self.supply.on:
            bits = self._scene.levels(start_s, true_hz * step / bit_step, bits_count)
        here = index <= self._fault_at < index + count
        tick = FIRST_TICK + index * step
        if here:
            bits = self._break_values(current, bits)
        if "restart" in self._scene.faults and index > self._fault_at:
            tick -= 100_000_000
        packed = np.packbits(bits, bitorder="little")
        kept = {"s/i": current, "s/v": voltage, "s/gpi/0": packed}
        for fault, name in (("current", "s/i"), ("voltage", "s/v"), ("input", "s/gpi/0")):
            if here and f"{fault} lost" in self._scene.faults:
                del kept[name]
        if "no voltage" in self._scene.faults:
            kept.pop("s/v", None)
        if "input stops" in self._scene.faults and index > self._fault_at:
            kept.pop("s/gpi/0", None)
        for name, data in kept.items():
            factor = bit_step if name == "s/gpi/0" else step
            self._tell(name, tick, factor, data)
            if here and "told twice" in self._scene.faults:
                self._tell(name, tick, factor, data)

    def _break_values(self, current: Any, bits: Any) -> Any:
        if "nan" in self._scene.faults:
            current[10:20] = np.nan
        if "inf" in self._scene.faults:
            current[10] = np.inf
        if "event extra" in self._scene.faults:
            bits[100:140] = 0
        return bits

    def _tell(self, name: str, tick: int, step: int, data: Any) -> None:
        if name not in self._enabled:
            return
        if name == "s/gpi/0" and "padded input" in self._scene.faults:
            data = np.append(data, np.uint8(0))
        rate = TICKS_HZ[self._model] // (2 if "other rate" in self._scene.faults else 1)
        self._subscribers[f"{name}/!data"](
            f"{self._path}/{name}/!data",
            {
                "sample_id": tick,
                "utc": 0,
                "field_id": 0,
                "index": 0,
                "sample_rate": rate,
                "decimate_factor": step,
                "data": data,
            },
        )
