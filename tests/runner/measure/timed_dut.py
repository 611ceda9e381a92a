"""A DUT in energy mode whose inferences last what a test says, and what a monitor sees of it.

Its time is none of this computer: an inference may last a microsecond or half a minute. Ref:
mlcommons/tiny, benchmark/api.
"""

import threading
import time
from collections.abc import Callable

from tinybench.energy.simulated.load import Floats, active_s, mean_a

IDLE_A, ACTIVE_A = 1e-3, 5e-3
RESULTS = "m-results-[0.500,0.500]"
GLITCH_S = 2e-3
"""Before the end of its window."""


class TimedDut:
    """Its line, as a transport, and a load: active in windows, whose time passes at once.

    `lost` and `extra` are numbers of windows, the first is 1: the second edge is not seen, or one
    more is; 0 is the mark before them. `told` is called before each window, with its number.
    """

    byte_s = 0.0

    def __init__(
        self,
        inference_s: float,
        *,
        lost: frozenset[int] = frozenset(),
        extra: frozenset[int] = frozenset(),
        told: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._inference_s = inference_s
        self._lost, self._extra, self._told = lost, extra, told
        self._typed = self._said = b""
        self._lock = threading.Lock()
        self.asked: list[int] = []
        """Inferences of each `infer`."""
        self.begin()

    # The line.

    def write(self, data: bytes) -> None:
        """Take commands."""
        self._typed += data
        while b"%" in self._typed:
            command, _, self._typed = self._typed.partition(b"%")
            lines = [*self._obey(command.decode().split()), "m-ready"]
            self._said += "".join(f"{line}\r\n" for line in lines).encode()

    def read(self, timeout_s: float) -> bytes:  # noqa: ARG002
        """Return what it has said."""
        said, self._said = self._said, b""
        return said

    def set_baud(self, baud: int) -> None:
        """Refuse nothing."""

    def reopen(self, timeout_s: float) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    # The load.

    def begin(self) -> None:
        """Time 0 is now."""
        with self._lock:
            self._zero_s = time.monotonic()
            self._falls_s: list[float] = []
            self._windows_s: list[tuple[float, float]] = []

    def rest(self, seconds: float) -> None:
        """Let so much time pass at once."""
        with self._lock:
            self._zero_s -= seconds

    def known_s(self) -> float:
        """Return what time it is."""
        with self._lock:
            return time.monotonic() - self._zero_s

    def current_a(self, start_s: float, dt_s: float, count: int) -> Floats:
        """Return the mean current of `count` successive samples of `dt_s`, shape [count]."""
        with self._lock:
            spans = list(self._windows_s)
        return mean_a(IDLE_A, ACTIVE_A, active_s(spans, start_s, dt_s, count), dt_s)

    def falling_s(self, start_s: float, stop_s: float) -> list[float]:
        """Return when the timing pin fell, start_s <= t < stop_s, in order."""
        with self._lock:
            return [fall_s for fall_s in self._falls_s if start_s <= fall_s < stop_s]

    def _obey(self, words: list[str]) -> list[str]:
        said = {
            "name": ["m-name-dut-[timed]"],
            "profile": ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[kws01]"],
            "results": [RESULTS],
        }
        if words[0] == "timestamp" and 0 not in self._lost:
            with self._lock:
                self._falls_s.append(time.monotonic() - self._zero_s)
        if words[0] == "infer":
            return self._infer(int(words[1]), words[2])
        if words[:2] == ["db", "load"]:
            return [f"m-[Expecting {words[2]} bytes]"]
        return ["m-load-done"] if words[0] == "db" else said.get(words[0], [])

    def _infer(self, count: int, warmup: str) -> list[str]:
        self.asked.append(count)
        window = len(self.asked)
        self._told(window)
        with self._lock:
            start_s = time.monotonic() - self._zero_s
            stop_s = start_s + count * self._inference_s
            glitch_s = [stop_s - GLITCH_S] * (window in self._extra)
            self._falls_s += [start_s, *glitch_s, *([stop_s] * (window not in self._lost))]
            self._windows_s.append((start_s, stop_s))
            self._zero_s -= stop_s - start_s
        return [
            *(f"m-warmup-start-{warmup}", "m-warmup-done", f"m-infer-start-{count}"),
            *("m-infer-done", RESULTS),
        ]
