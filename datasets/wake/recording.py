"""Build a recording from a list: words in backgrounds, and where they are.

The arithmetic is that of the public builder, to its order and types, so that the official recording
comes out the same: float32, normalised by its peak, and a positive peak wraps around int16.

Ref: mlcommons/tiny, benchmark/training/streaming_wakeword (build_long_wav.py).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import DatasetError

from .build_list import Background, BuildList, Word, placed, taken
from .features import SAMPLE_RATE_HZ

TRIM_SHARE = 0.05
"""Of its largest sample: what is less is cut off before and after a word."""
FULL_SCALE = 2**15

Piece = Callable[[str, int | None], NDArray[np.int16]]
"""Returns the samples of a piece by its path, as many as are asked for, or all; raises
DatasetError."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One channel at 16 kHz, and when its words are, in s."""

    samples: NDArray[np.int16]
    windows_s: tuple[tuple[float, float], ...]

    @property
    def length_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ


def build(wanted: BuildList, piece: Piece, where: str) -> Recording:
    """Build a recording; `where` names the list in messages.

    Raises DatasetError for a piece that is missing, too short or silent, and for words that
    overlap or reach over the end.
    """
    *_, last = building(wanted, piece, where)
    if last is None:
        raise DatasetError(f"{where}: neither a word nor a background in it: nothing to build")
    return last


def building(wanted: BuildList, piece: Piece, where: str) -> Iterator[Recording | None]:
    """Yield None for each piece that was added, at last the recording. Raises as `build` does."""
    mixed = np.zeros(wanted.samples, np.float32)
    for number, one in enumerate(wanted.backgrounds, start=1):
        _add_background(mixed, one, piece, f"{where}, background {number} ({one.path})")
        yield None
    windows_s: list[tuple[float, float]] = []
    for number, word in enumerate(wanted.words, start=1):
        windows_s.append(_add_word(mixed, word, piece, f"{where}, word {number} ({word.path})"))
        yield None
    for number, (one, other) in enumerate(pairwise(windows_s), start=1):
        if other[0] < one[1]:
            raise DatasetError(
                f"{where}: words {number} and {number + 1} overlap: one ends at {one[1]:.3f} s, "
                f"the other begins at {other[0]:.3f} s"
            )
    if windows_s or wanted.backgrounds:
        yield Recording(as_int16(mixed), tuple(windows_s))
    else:
        yield None


def as_int16(mixed: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return a signal scaled by its peak; a peak that is positive wraps to -32768."""
    peak = np.max(np.abs(mixed))
    scaled = (mixed / peak if peak else mixed) * np.float32(FULL_SCALE)
    return scaled.astype(np.int32).astype(np.int16)


def trimmed(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return a word from its first to before its last sample above 5 % of the largest."""
    loud = np.flatnonzero(samples > samples.max(initial=0) * TRIM_SHARE)
    return samples[loud[0] : loud[-1]] if len(loud) else samples[:0]


def _add_background(mixed: NDArray[np.float32], one: Background, piece: Piece, where: str) -> None:
    first, end = placed(one)
    samples = piece(one.path, taken(one))
    if len(samples) < end - first:
        raise DatasetError(
            f"{where}: it lasts {len(samples) / SAMPLE_RATE_HZ:.3f} s, and "
            f"{(end - first) / SAMPLE_RATE_HZ:.3f} s are wanted of it"
        )
    mixed[first:end] += one.level * (samples / _deviation(samples, where))


def _add_word(
    mixed: NDArray[np.float32], one: Word, piece: Piece, where: str
) -> tuple[float, float]:
    first = int(one.at_s * SAMPLE_RATE_HZ)
    samples = trimmed(piece(one.path, None))
    if first + len(samples) >= len(mixed):
        raise DatasetError(
            f"{where}: it begins at {one.at_s:g} s, lasts {len(samples) / SAMPLE_RATE_HZ:.3f} s, "
            "and would reach the end of the recording"
        )
    mixed[first : first + len(samples)] += one.level * (samples / _deviation(samples, where))
    return one.at_s, one.at_s + len(samples) / SAMPLE_RATE_HZ


def _deviation(samples: NDArray[np.int16], where: str) -> float:
    deviation = float(np.std(samples)) if len(samples) else 0.0
    if not deviation:
        raise DatasetError(f"{where}: nothing but silence is in it")
    return deviation
