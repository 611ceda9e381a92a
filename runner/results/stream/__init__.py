"""A stream that a board heard: each frame as it was answered, and what all of them are worth."""

from typing import Annotated

import msgspec
from msgspec import Meta

from ...streaming.summary import Reading, Summary
from ...streaming.timeline import Told

PERIOD_S = 0.032
"""Of a frame: 512 samples at 16 kHz."""

Seconds = Annotated[float, Meta(ge=0, le=1e6)]
Microseconds = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Output = Annotated[int, Meta(ge=-128, le=127)]
Peak = Annotated[int, Meta(ge=0, le=32768)]
FRAMES_MOST, WORDS_MOST = 1 << 20, 1000
"""Of a recording: 9 hours; and more words than any has."""


class Streamed(msgspec.Struct, frozen=True, kw_only=True):
    """A recording as a board heard it, whole; nothing of it is computed."""

    recording: str
    sound_sha256: str
    """Of the samples that were played: int16, low byte first."""
    samples: Annotated[int, Meta(ge=1)]
    """Of the recording, those behind the last whole frame included."""
    words_s: Annotated[list[tuple[Seconds, Seconds]], Meta(max_length=WORDS_MOST)]
    """When the words are."""
    loudness: Annotated[list[Peak], Meta(max_length=FRAMES_MOST)]
    """The largest sample of each part of the recording, parts of the same length."""
    results: Annotated[list[str], Meta(min_length=1, max_length=FRAMES_MOST)]
    """Of each frame, as the DUT printed it."""
    device_us: Annotated[list[Microseconds], Meta(min_length=1, max_length=FRAMES_MOST)]
    """Of each frame, by the DUT's clock."""
    counted: int
    """Frames that the DUT counted itself."""
    outside: int
    """Features beyond int8."""
    begun: int
    """Times that the stream was begun: again after whatever was done again on a doubt."""


class Busy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much of its time a board is busy; on an emulated board, by its count of instructions."""

    p50_s: float
    p90_s: float
    max_s: float
    duty: float
    """Share of the period of a frame, in the mean of all frames."""
    missed: int
    """Frames that took longer than that period."""
    overruns: int
    """Frames whose samples would be written over before they are looked at, where sound does not
    wait: of two buffers one is filled while the other is heard, as in the reference firmware."""


class Stream(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a board heard of a recording, scored."""

    recording: str
    length_s: float
    words_s: list[tuple[float, float]]
    """When the words are."""
    threshold: int
    """An output 0 above it is a detection."""
    whole: bool
    """Whether each inference is one of the whole history; else of its newest frame."""
    expected: int
    """Frames in the recording ..."""
    heard: int
    """... those that were answered ..."""
    counted: int
    """... and those that the DUT counted."""
    begun: int
    """Times that the stream was begun."""
    outside: int
    """Features beyond int8 ..."""
    wraps: bool = False
    """... which went around, as in the reference firmware; else they were saturated."""
    score: Summary
    busy: Busy
    """By the DUT's time: of an emulated board a count of instructions."""
    estimated: Busy | None
    """By estimated cycles at the board's clock; None where there is no estimate."""
    power_w: float | None
    """In the mean, modelled by that share of the time and the board's declared currents; None where
    either is not known."""
    detections: list[int]
    """Frames above the threshold. Frame k ends 32 ms (k + 1) into the recording."""
    word: list[Output]
    """Output 0 of each frame: the probability of the word in steps of 1/256, less 128."""
    device_us: list[int]
    """Of each frame, by the DUT's clock."""
    loudness: list[int]
    """The largest sample of each part of the recording, parts of the same length."""

    @property
    def first(self) -> Reading:
        """The score that is said first."""
        return self.score.first

    @property
    def lost(self) -> int:
        """Frames that were not heard, or not as often as they were played."""
        return max(abs(self.expected - self.heard), abs(self.expected - self.counted))

    @property
    def told(self) -> Told:
        """What its time line shows."""
        return Told(
            length_s=self.length_s,
            windows_s=self.words_s,
            missed_s=self.score.missed_s,
            false_s=self.score.false_s,
            detections=self.detections,
            word=self.word,
            threshold=self.threshold,
            loudness=self.loudness,
        )

    def in_time(self, *, emulated: bool) -> Busy | None:
        """Return how busy the board is in time: measured, of an emulated one estimated."""
        return self.estimated if emulated else self.busy
