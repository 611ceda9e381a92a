"""A simulated Nordic PPK2: its commands, its stream of words, and its faults."""

import math
import time

import numpy as np
from numpy.typing import NDArray

from .scene import Scene, Supply

FAULTS = (
    "still streaming",
    "residue",
    "no metadata",
    "metadata cut",
    "metadata nan",
    "lost words",
    "lost 64 words",
    "lost bytes",
    "corrupt counter",
    "corrupt range",
    "corrupt bytes",
    "bad range",
    "event lost",
    "event extra",
    "rate error",
    "silence",
    "unplugged",
)
RATE_HZ = 100_000
FAULT_AT = 150_000
RESISTORS = (1031.64, 101.65, 10.15, 0.94, 0.043)
LIMITS_A = (50e-6, 500e-6, 5e-3, 60e-3)
"""Where it changes from one range to the next."""
ADC_STEP = 1.8 / 163840
SPEAK = 8000


class SimulatedPpk2:
    """The instrument; put it behind a `PseudoPort`."""

    def __init__(self, scene: Scene, *, pin: int = 0) -> None:
        self._scene = scene
        self._fault_at = FAULT_AT if scene.fault_at is None else scene.fault_at
        self._pin = pin
        self._heard = b""
        self._waiting = b"\x01\x02 old bytes" if "residue" in scene.faults else b""
        self.supply = Supply(scene)
        self.millivolts = 0
        self.mode = 0
        """As it was set: 1 ampere meter, 2 source."""
        self._streaming = "still streaming" in scene.faults
        self._started_s = time.monotonic()
        self._index = 0
        self._drop = 0

    def hear(self, data: bytes) -> bytes:
        """Take commands from the host; return the answers."""
        self._heard += data
        out = b""
        while self._heard:
            command = self._heard[0]
            length = {0x0C: 2, 0x0D: 3, 0x11: 2}.get(command, 1)
            if len(self._heard) < length:
                break
            body, self._heard = self._heard[1:length], self._heard[length:]
            out += self._obey(command, body)
        return out

    def speak(self, now_s: float, room_b: int) -> bytes:
        """Return the samples due at `now_s`."""
        out, self._waiting = self._waiting, b""
        if self._streaming:
            if self._scene.real_time:
                count = int((now_s - self._started_s) * RATE_HZ) - self._index
            else:
                count = SPEAK if room_b > 4 * SPEAK else 0
            known_s = self._scene.load.known_s()
            if math.isfinite(known_s):
                count = min(count, int(known_s * RATE_HZ) - self._index)
            if count > 0:
                out += self._words(count)
        return out

    def overflow(self) -> bytes:
        """Say nothing: a PPK2 drops samples, and its counter goes on."""
        return b""

    def _obey(self, command: int, body: bytes) -> bytes:
        if command == 0x06:
            self._streaming, self._started_s, self._index = True, time.monotonic(), 0
            self._scene.load.begin()
        elif command == 0x07:
            self._streaming = False
        elif command == 0x0C:
            self.supply.switch(body == b"\x01")
        elif command == 0x11:
            self.mode = body[0]
        elif command == 0x0D:
            self.millivolts = int.from_bytes(body, "big")
        elif command == 0x19 and "no metadata" not in self._scene.faults:
            text = metadata()
            if "metadata nan" in self._scene.faults:
                text = text.replace("I3: 0.0000", "I3: -nan")
            if "metadata cut" in self._scene.faults:
                text = text.replace("R2: ", "")
            return text.encode()
        return b""

    def _words(self, count: int) -> bytes:
        true_hz = self._scene.true_hz(RATE_HZ)
        start_s, dt_s = self._index / true_hz, 1 / true_hz
        current_a = self.supply.current_a(self._scene.load, start_s, dt_s, count)
        pin = np.ones(count, np.uint32)
        if self.supply.on:
            pin[:] = self._scene.levels(start_s, true_hz, count)
        at = self._fault_at - self._index
        here = 0 <= at < count
        if here and "event extra" in self._scene.faults:
            pin[at : at + 5] = 0
        words = encode(current_a, self._index, pin << np.uint32(self._pin))
        self._index += count
        if here:
            return self._damage(words, at)
        dropped = min(self._drop, len(words))
        self._drop -= dropped
        return words[dropped:].tobytes()

    def _damage(self, words: NDArray[np.uint32], at: int) -> bytes:
        faults = self._scene.faults
        if "silence" in faults:
            self._streaming = False
        if "unplugged" in faults:
            raise OSError("unplugged")
        if "corrupt counter" in faults:
            words[at] ^= 5 << 18
        if "corrupt range" in faults:
            words[at] = (int(words[at]) & ~(7 << 14)) | (4 << 14)
        if "bad range" in faults:
            words[at] |= 7 << 14
        for fault, count in (("lost words", 20), ("lost 64 words", 640)):
            if fault in faults:
                after = words[at + count :]
                self._drop = max(0, at + count - len(words))
                words = np.concatenate((words[:at], after))
        data = words.tobytes()
        if "lost bytes" in faults:
            data = data[: 4 * at] + data[4 * at + 3 :]
        if "corrupt bytes" in faults:
            three = slice(4 * at, 4 * at + 12)
            data = data[: three.start] + bytes(b ^ 0x5A for b in data[three]) + data[three.stop :]
        return data


def metadata() -> str:
    """Return what the instrument says of itself."""
    lines = ["Calibrated: 0"]
    for key, values in (
        ("R", RESISTORS),
        ("GS", (1.0,) * 5),
        ("GI", (1.0,) * 5),
        ("O", (0.0,) * 5),
        ("VDD", None),
        ("HW", None),
        ("mode", None),
        ("S", (0.0,) * 5),
        ("I", (0.0,) * 5),
        ("UG", (1.0,) * 5),
        ("IA", None),
    ):
        if values is None:
            lines.append(f"{key}: 9173")
        else:
            lines += [f"{key}{index}: {value:.4f}" for index, value in enumerate(values)]
    return "\n".join(lines) + "\nEND"


def encode(
    current_a: NDArray[np.float64], first: int, logic: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """Return the words of samples whose first has the number `first`, shape [n]."""
    index = np.searchsorted(LIMITS_A, current_a)
    resistors = np.array(RESISTORS)[index]
    # The inverse of raw * (raw + 1), the calibration that `metadata` tells.
    raw = (np.sqrt(1 + 4 * np.maximum(current_a, 0.0)) - 1) / 2
    noise = np.random.default_rng(first).random(len(raw))  # of the ADC: its mean is right
    adc = np.clip(raw * resistors / ADC_STEP / 4 + noise, 0, 0x3FFF).astype(np.uint32)
    counter = (np.arange(first, first + len(current_a)) & 63).astype(np.uint32)
    return (
        adc
        | (index.astype(np.uint32) << np.uint32(14))
        | (counter << np.uint32(18))
        | (logic << np.uint32(24))
    ).astype("<u4")
