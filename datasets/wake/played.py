"""The recording that a streaming task is played: the package's, the official one, or a user's."""

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import DatasetError
from tinybench.files import DOCUMENT_MOST_B, is_file_name, read_bytes

from ..reader import Sample, SampleSet, set_digest
from .embedded import archive_path, read_recording
from .features import HOP_SAMPLES, SAMPLE_RATE_HZ
from .official import BLOB_ID, STEM, WORDS, Stream, blob_id, windows_of
from .recording import Recording
from .wav import FILE_MOST_B, read_wav

Which = Literal["short", "long"]
"""Of the package's recordings: 2 minutes, or 20."""
FRAME_B = 2 * HOP_SAMPLES
WORDS_MOST = 1000
LISTS_MOST = 1000
"""JSON files in a folder, among which a list of words is looked for."""
_LENGTH_S = 0.1
"""By which a list may be off the length of its recording."""


@dataclass(frozen=True, slots=True)
class Played:
    """A recording by its name, and whose it is."""

    name: str
    """Such as "long.wav"."""
    recording: Recording
    origin: Literal["official", "unverified", "embedded", "custom"]
    """"official" to the byte; "unverified": with the words of the official one, and other sound."""
    where: Path
    """The file it is from."""

    @property
    def samples(self) -> SampleSet:
        """The recording as a set of one input, whose digest is that of sound and words."""
        sound = self.recording.samples.astype("<i2").tobytes()
        one = Sample(
            self.name,
            0,
            len(sound),
            FRAME_B,
            FRAME_B,
            sound_sha256(sound),
            self.where,
            tuple(at_s for window in self.recording.windows_s for at_s in window),
        )
        return SampleSet(self.where.parent, (one,), "", set_digest([one]))


def sound_sha256(sound: bytes) -> str:
    """Return the SHA-256 of a recording's samples: int16, low byte first."""
    return hashlib.sha256(sound).hexdigest()


def middle_frame(samples: NDArray[np.int16], hop_samples: int = HOP_SAMPLES) -> bytes:
    """Return the frame in the middle of a recording: what a frame costs is counted on it."""
    middle = len(samples) // hop_samples // 2 * hop_samples
    return samples[middle : middle + hop_samples].astype("<i2").tobytes()


def embedded(which: Which) -> Played:
    """Build a recording of the package. Raises DatasetError when it is damaged."""
    return Played(f"{which}.wav", read_recording(which), "embedded", archive_path())


def cached(cache: Path) -> Path | None:
    """Return the folder of the recording that was prepared in the cache; None without one."""
    folder = (cache / WORDS.address).parent
    return folder if (folder / f"{STEM}.wav").is_file() else None


def read_played(folder: Path, which: Which = "long") -> Played:
    """Read a recording and the list of its words from a folder, as `tinybench prepare sww` writes.

    Of several lists that of the official recording counts, else that named as the package's
    recording `which`. Raises DatasetError: none, more than one, a wav file that cannot be played,
    or words that are not in it.
    """
    path, found = _list_in(folder, which)
    if found.sample_rate != SAMPLE_RATE_HZ:
        raise DatasetError(f"{path}: a sample rate of {found.sample_rate}, wanted {SAMPLE_RATE_HZ}")
    if not is_file_name(found.wav_file):
        raise DatasetError(
            f"{path}: its wav file is {found.wav_file[:100]!r}; wanted the name of a file beside it"
        )
    wav = folder / found.wav_file
    try:
        raw = read_bytes(wav, FILE_MOST_B)
    except OSError as error:
        raise DatasetError(
            f"{wav}: {path.name} names it, and it cannot be read: {error.strerror or error}"
        ) from error
    windows_s = tuple(found.detection_windows)
    recording = Recording(read_wav(raw, str(wav)), windows_s)
    _insist_words(recording, found.length_sec, str(path))
    if blob_id(raw) == BLOB_ID:
        return Played(wav.name, recording, "official", wav)
    origin = "unverified" if _of_official(folder, windows_s) else "custom"
    return Played(wav.name, recording, origin, wav)


def _of_official(folder: Path, windows_s: tuple[tuple[float, float], ...]) -> bool:
    """Return whether words are where those of the official recording are."""
    try:
        raw = read_bytes(folder / Path(WORDS.address).name, DOCUMENT_MOST_B)
        if hashlib.sha256(raw).hexdigest() != WORDS.sha256:
            return False
    except OSError:
        return False
    official = windows_of(raw, WORDS.address).detection_windows
    return len(official) == len(windows_s) and all(
        abs(one - other) < 1e-9
        for mine, theirs in zip(windows_s, official, strict=True)
        for one, other in zip(mine, theirs, strict=True)
    )


def _list_in(folder: Path, which: Which) -> tuple[Path, Stream]:
    """Return the list of words in a folder; raises DatasetError for none, or several."""
    if not folder.is_dir():
        raise DatasetError(f"{folder}: there is no such folder")
    try:
        names = sorted(path.name for path in folder.glob("*.json"))[:LISTS_MOST]
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be read: {error.strerror or error}") from error
    known = (f"{STEM}.json", Path(WORDS.address).name, f"{which}.json")
    chosen = [name for name in known if name in names][:1] or names
    if len(chosen) != 1:
        raise DatasetError(
            f"{folder}: {len(chosen)} lists of words (*.json) in it, wanted one, beside its wav "
            "file; such a folder is written by: tinybench prepare sww"
        )
    path = folder / chosen[0]
    try:
        raw = read_bytes(path, DOCUMENT_MOST_B)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    return path, windows_of(raw, str(path))


def _insist_words(recording: Recording, said_s: float | None, where: str) -> None:
    """Raise DatasetError for a list that is not one of this recording."""
    windows_s, length_s = recording.windows_s, recording.length_s
    if said_s is not None and abs(said_s - length_s) > _LENGTH_S:
        raise DatasetError(
            f"{where}: a list for a recording of {said_s:g} s, beside one of {length_s:.3f} s: it "
            "was cut short, or is another one"
        )
    if len(recording.samples) < HOP_SAMPLES:
        raise DatasetError(
            f"{where}: its recording has {len(recording.samples)} samples, a frame has "
            f"{HOP_SAMPLES}"
        )
    if not 1 <= len(windows_s) <= WORDS_MOST:
        raise DatasetError(f"{where}: {len(windows_s)} words, wanted 1 to {WORDS_MOST}")
    for number, (start_s, end_s) in enumerate(windows_s, start=1):
        if not 0 <= start_s < end_s <= length_s:
            raise DatasetError(
                f"{where}: word {number}, {start_s:g} to {end_s:g} s, is not in the recording of "
                f"{length_s:.3f} s"
            )
    for number, (one, other) in enumerate(pairwise(windows_s), start=1):
        if other[0] < one[1]:
            raise DatasetError(
                f"{where}: words {number} and {number + 1} overlap, or are out of order: one ends "
                f"at {one[1]:.3f} s, the other begins at {other[0]:.3f} s"
            )
