"""A port to a real device, with faults waiting for their moment on it."""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tinybench.errors import TransportError
from tinybench.runner.dut import frames
from tinybench.transport.transport import Transport

PHASES = ("handshake", "load", "infer", "results")
WAYS = ("to_dut", "to_host")
FOR_GOOD = float("inf")
STEP_S = 0.005
"""A port with something up its sleeve looks at the clock this often."""
KEPT = 50

_PHASE_OF_COMMAND = {b"db": "load", b"infer": "infer", b"timestamp": "infer", b"results": "results"}
_PHASE_OF_FRAME = {
    frames.DATA: "load",
    frames.SLIDE: "load",
    frames.ACK: "load",
    frames.INFER: "infer",
    frames.REFUSED: "infer",
    frames.RESULT: "results",
}


@dataclass(frozen=True)
class Place:
    """A byte of a session."""

    phase: str
    way: str
    at: int
    """Bytes of this phase that pass this way before it."""


Damage = Callable[["FaultyPort", str, bytes], bytes]
"""Gets the port, the way and the bytes of a message from a place on; returns what passes."""
Lie = Callable[["FaultyPort", str, bytes], bytes]
"""Gets the port, the way and each message; returns what passes."""


class FaultyPort:
    """A transport that damages what passes; the device behind it can be reset or exchanged."""

    byte_s = 0.0

    def __init__(
        self, start: Callable[[str], Transport], chance: random.Random, slow_s: float
    ) -> None:
        """`start` starts a device by name, "own" at first. `slow_s` is the client's patience."""
        self.chance = chance
        self.slow_s = slow_s
        self.counts: Counter[tuple[str, str]] = Counter()
        """Bytes that have come by, by phase and way."""
        self.passed: dict[str, list[bytes]] = {way: [] for way in WAYS}
        """The last messages each way, undamaged."""
        self.waiting: list[tuple[Place, Damage]] = []
        self.lies: list[Lie] = []
        self.struck = 0
        """Damages that have found their place."""
        self._start = start
        self._device = start("own")
        self._phase = "handshake"
        self._silent_until_s: dict[str, float] = dict.fromkeys(WAYS, 0.0)
        self._held: dict[str, list[tuple[float, bytes]]] = {way: [] for way in WAYS}
        self._hold_s: dict[str, float] = dict.fromkeys(WAYS, 0.0)
        self._closed_for: float = 0
        self._flood: tuple[float, bytes] = (0.0, b"")

    # --- what a client sees ---

    def read(self, timeout_s: float) -> bytes:
        """Return what the device sent, damaged."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            self._insist_open()
            now_s = time.monotonic()
            until_s, noise = self._flood
            if now_s < until_s:
                time.sleep(STEP_S)
                return noise
            if data := self._released("to_dut", now_s):
                self._device.write(data)
            if data := self._released("to_host", now_s):
                return data
            busy = self._held["to_dut"] or self._held["to_host"]
            left_s = max(0.0, deadline_s - now_s)
            data = self._device.read(min(left_s, STEP_S) if busy else left_s)
            if data and (data := self._damaged("to_host", data)):
                return data
            if time.monotonic() >= deadline_s:
                return b""

    def write(self, data: bytes) -> None:
        """Send bytes to the device, damaged."""
        self._insist_open()
        if data := self._damaged("to_dut", data):
            self._device.write(data)

    def set_baud(self, baud: int) -> None:
        """A child process has none."""
        self._device.set_baud(baud)

    def reopen(self, timeout_s: float) -> None:
        """Open the port again, if it is there; some boards are reset by it."""
        if self._closed_for == FOR_GOOD:
            raise TransportError(f"the port is gone, and not back after {timeout_s} s")
        self._closed_for = 0
        self._held = {way: [] for way in WAYS}
        if self.chance.random() < 0.5:
            self.reset()

    def close(self) -> None:
        """Close the line."""
        self._device.close()

    # --- what faults do ---

    def silence(self, way: str, seconds: float) -> None:
        """Lose all bytes that pass in the next `seconds`."""
        self._silent_until_s[way] = time.monotonic() + seconds

    def hold(self, way: str, seconds: float) -> None:
        """Keep back all bytes that pass from now on, and let go of all together."""
        self._hold_s[way] = time.monotonic() + seconds

    def insert(self, data: bytes, after_s: float = 0.0) -> None:
        """Let the host read bytes that the device never sent."""
        self._held["to_host"].append((time.monotonic() + after_s, data))

    def reset(self, device: str = "own") -> None:
        """Restart the device, or put another one in its place."""
        self._device.close()
        self._device = self._start(device)
        self._held = {way: [] for way in WAYS}

    def vanish(self, for_good: bool) -> None:
        """Close the port under the client."""
        self._closed_for = FOR_GOOD if for_good else 1

    def flood(self, noise: bytes, seconds: float) -> None:
        """Let the host read nothing but noise for a while."""
        self._flood = (time.monotonic() + seconds, noise)

    # --- the way of a byte ---

    def _insist_open(self) -> None:
        if self._closed_for:
            raise TransportError("the port has vanished")

    def _released(self, way: str, now_s: float) -> bytes:
        """Return the bytes that were held back until now."""
        due = [data for at_s, data in self._held[way] if at_s <= now_s]
        self._held[way] = [(at_s, data) for at_s, data in self._held[way] if at_s > now_s]
        return b"".join(due)

    def _damaged(self, way: str, data: bytes) -> bytes:
        """Return what comes of `data`, after every fault that waits for it."""
        out = b"".join(self._message(phase, way, piece) for phase, piece in self._cut(way, data))
        now_s = time.monotonic()
        if now_s < self._silent_until_s[way]:
            return b""
        if now_s < self._hold_s[way] or self._held[way]:
            # Nothing overtakes: what is held goes first.
            last_s = max([at_s for at_s, _ in self._held[way]], default=0.0)
            self._held[way].append((max(last_s, self._hold_s[way]), out))
            return b""
        return out

    def _message(self, phase: str, way: str, piece: bytes) -> bytes:
        self.passed[way] = [*self.passed[way][-KEPT:], piece]
        start = self.counts[phase, way]
        self.counts[phase, way] += len(piece)
        out = piece
        for place, damage in list(self.waiting):
            at = place.at - start
            if (place.phase, place.way) == (phase, way) and 0 <= at < len(out):
                self.waiting.remove((place, damage))
                self.struck += 1
                out = out[:at] + damage(self, way, out[at:])
        for lie in self.lies:
            out = lie(self, way, out)
        return out

    def _cut(self, way: str, data: bytes) -> list[tuple[str, bytes]]:
        """Cut bytes into messages, each with its phase; one that comes in pieces is several."""
        found: list[tuple[str, bytes]] = []
        while data:
            block, zero, rest = data.partition(b"\0")
            frame = frames.decode(block) if zero else None
            if frame is not None:
                found.append((_PHASE_OF_FRAME.get(frame.kind, "handshake"), block + zero))
                data = rest
                continue
            if way == "to_dut":
                word = data.split(b" ")[0].rstrip(b"%")
                self._phase = _PHASE_OF_COMMAND.get(word, "handshake")
            elif self._phase == "infer" and (at := data.find(b"m-infer-done")) > 0:
                found.append(("infer", data[:at]))
                data = data[at:]
                self._phase = "results"
            found.append((self._phase, data))
            data = b""
        return found
