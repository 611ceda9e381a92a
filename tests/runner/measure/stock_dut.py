"""A DUT with the command set of the reference submission of sww01, and nothing behind it.

It is written from what that firmware says and does on its wires; what it detects is given. Ref:
mlcommons/tiny, benchmark/reference_submissions/streaming_wakeword (sww_ref_util.c).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tinybench.energy.simulated.studio import Pins

PER_LINE = 16


@dataclass
class StockDut:
    """Its line, as a transport, and its wires; both are used by one thread, the board's."""

    detects: Callable[[int], bool]
    """Whether a frame of the stream is a detection; the first one pulses in any case."""
    processing_s: float = 0.0179
    marker: bool = True
    """Whether the first frame pulses."""
    lists: bool = True
    """Whether `stop` prints activations, as the reference does; published firmware does not."""
    on_mark: Callable[[], None] = lambda: None
    """Called at each pulse of the timing pin."""
    byte_s: float = 0.0
    _said: bytes = b""
    _typed: bytes = b""
    _listens: bool = False
    _frames: list[int] = field(default_factory=list[int])

    def write(self, data: bytes) -> None:
        """Take commands."""
        self._typed += data
        while b"%" in self._typed:
            command, _, self._typed = self._typed.partition(b"%")
            lines = [f"Received command: {command.decode()}", *self._obey(command.decode())]
            self._said += "".join(f"{line}\r\n" for line in [*lines, "m-ready"]).encode()

    def read(self, timeout_s: float) -> bytes:  # noqa: ARG002
        """Return what it has said."""
        said, self._said = self._said, b""
        return said

    def set_baud(self, baud: int) -> None:
        """Refuse nothing: it has one rate."""

    def reopen(self, timeout_s: float) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def hear(self, samples: NDArray[np.int16], came_s: float) -> Pins:  # noqa: ARG002
        """Process a frame, if it listens."""
        if not self._listens:
            return Pins()
        frame = len(self._frames)
        detected = self.detects(frame)
        self._frames.append(127 if detected else -128)
        pulses = detected or (frame == 0 and self.marker)
        return Pins([(0.0, self.processing_s)], [self.processing_s] if pulses else [])

    def _obey(self, command: str) -> Sequence[str]:
        said = {
            "name": ["m-name-dut-[reference]"],
            "profile": ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[sww01]"],
        }
        word = command.partition(" ")[0]
        if word == "timestamp":
            self.on_mark()
            return []
        if word == "start":
            return self._start()
        if word == "stop":
            return self._stop()
        return said.get(word, [f"Unrecognized command {command}"])

    def _start(self) -> list[str]:
        if self._listens:
            return ["I2S Rx currently in progress. Ignoring request"]
        self._listens, self._frames = True, []
        self.on_mark()
        return ["Listening for I2S data ... ", "DMA receive initiated."]

    def _stop(self) -> list[str]:
        if not self._listens:
            return ["I2S is already idle.  Ignoring stop request"]
        self._listens = False
        self.on_mark()
        return ["Streaming stopped.", *(self._activations() if self.lists else [])]

    def _activations(self) -> list[str]:
        rows = [self._frames[at : at + PER_LINE] for at in range(0, len(self._frames), PER_LINE)]
        said = ["".join(f"{value}, " for value in row) for row in rows]
        return ["target activations: ", "[" + (said[0] if said else ""), *said[1:], "]"]
