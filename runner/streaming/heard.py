"""Read what was heard of a stream: a board's outputs, or the detections of an interface board."""

from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tinybench.errors import UsageError
from tinybench.read import read_json

from .curve import THRESHOLD, detections
from .score import FRAME_MS, frames_ms

Milliseconds = Annotated[float, Meta(ge=0, le=1e9)]
Seconds = Annotated[float, Meta(ge=0, le=1e6)]
Output = Annotated[int, Meta(ge=-128, le=127)]


@dataclass(frozen=True, slots=True)
class Heard:
    """A stream as it was heard, and what else is known of it."""

    detections_ms: tuple[float, ...]
    """The first one marks the beginning."""
    activations: NDArray[np.int8] | None = None
    """(frames,): the word's output, where the board told it."""
    windows_s: tuple[tuple[float, float], ...] = ()
    """When the words were; empty where nothing says so."""
    length_s: float | None = None
    period_s: float | None = None
    """Mean of the periods of the frames."""
    frame_ms: float = FRAME_MS
    """Of the audio, from a frame to the next."""

    @property
    def drifts(self) -> bool:
        """Whether another clock than that of the audio told the times."""
        return self.activations is None


class _Outputs(msgspec.Struct, frozen=True):
    """What `tinybench listen --json` prints."""

    activations: Annotated[
        list[Annotated[list[Output], Meta(min_length=1)]], Meta(max_length=1 << 20)
    ]
    threshold: Output = THRESHOLD
    period_s: Annotated[float, Meta(ge=0.001, le=10)] = FRAME_MS / 1000


class _Infer(msgspec.Struct, frozen=True):
    detections: list[Milliseconds]
    detection_windows: list[tuple[Seconds, Seconds]] = []
    length_sec: Seconds | None = None


class _Duty(msgspec.Struct, frozen=True):
    period: Annotated[float, Meta(gt=0, le=10)] | None = None


class _Entry(msgspec.Struct, frozen=True):
    """An entry of the public runner's results.json."""

    infer: _Infer
    dutycycle: _Duty = _Duty()


def read_heard(raw: bytes, where: str) -> Heard:
    """Parse what `tinybench listen --json` prints, a results.json of the public runner, or a JSON
    list of detections in ms. Raises UsageError."""
    try:
        if raw.lstrip()[:1] == b"{":
            return _of_outputs(read_json(raw, type=_Outputs))
        entries = read_json(raw, type=list[_Entry] | None) if b"{" in raw[:64] else None
        if entries is None:
            return Heard(tuple(read_json(raw, type=list[Milliseconds])))
    except msgspec.MsgspecError as error:
        raise UsageError(
            f"{where}: nothing that was heard: {error}; wanted what 'tinybench listen --json' "
            "prints, the results.json of a streaming run, or a JSON list of detections in ms"
        ) from error
    if not entries:
        raise UsageError(f"{where}: no streaming run in it")
    infer = entries[0].infer
    return Heard(
        tuple(infer.detections),
        windows_s=tuple(infer.detection_windows),
        length_s=infer.length_sec,
        period_s=entries[0].dutycycle.period,
    )


def _of_outputs(found: _Outputs) -> Heard:
    word = np.array([row[0] for row in found.activations], np.int8)
    frame_ms = round(found.period_s * 1000, 6)
    pulses_ms = frames_ms(detections(word, found.threshold), frame_ms)
    return Heard(tuple(pulses_ms), word, frame_ms=frame_ms)
