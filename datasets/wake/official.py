"""The official recording of the streaming wake word: built from its list and the originals.

Neither the recording nor the originals may be redistributed here: a user has Speech Commands and
MUSAN, and the list is public. Whether what is built is the official recording is told by its git
blob id, which is public too.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from tinybench.errors import DatasetError, UsageError
from tinybench.files import DOCUMENT_MOST_B, read_bytes, write_whole
from tinybench.read import read_json
from tinybench.track import Track

from ..fetch import Pinned, fetch, mirror_folder
from .build_list import piece_of, read_build_list
from .features import SAMPLE_RATE_HZ
from .recording import Piece, Recording, building
from .wav import read_wav_file, write_wav

_TINY = "mlcommons/tiny/1afd2c9820f795965a6134facd0b4dfae41ef23f/benchmark"
LIST = Pinned(
    f"{_TINY}/training/streaming_wakeword/long_wav_spec.json",
    "729eb5240f7ef611973cbd113ca132081f671516d2d1058de14fe166fe378a73",
)
WORDS = Pinned(
    f"{_TINY}/runner/sww_data_dir/sww_long_test.json",
    "0dcaf559213930320cd2ad7143a484b9e82d79b9ea59b7434d3014179f873c1e",
)
"""When the words of the official recording are."""
STEM = "long_wav"
"""Of the recording's name, and of the list of its words."""
BLOB_ID = "fd8889773de045cf05e9d1f9921354aac121cd80"
"""What `git hash-object` prints of the official recording."""
SPEECH_COMMANDS, MUSAN = "speech_commands_path", "musan_path"
"""Roots of the pieces in the list."""
WHERE_FROM = (
    "Speech Commands v0.02 from http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz, "
    "MUSAN from https://www.openslr.org/17/, both unpacked"
)
_SAME_S = 1e-9


class Stream(msgspec.Struct, frozen=True):
    """An entry of a list of words, as the public runner reads it."""

    wav_file: str
    detection_windows: list[tuple[float, float]]
    length_sec: float | None = None
    sample_rate: int = SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class Made:
    """What was built, and whether it is the official recording."""

    wav: Path
    blob_id: str
    sha256: str
    windows: int
    same_windows: int | None
    """Of the windows, those that are the official ones; None for a list of one's own."""

    @property
    def official(self) -> bool:
        return self.blob_id == BLOB_ID


def make_official(
    speech: Path | None,
    noise: Path | None,
    own_list: Path | None,
    out: Path | None,
    cache: Path,
    track: Track,
) -> Made:
    """Build a recording into `out` (None: the cache), with the list of its words beside it.

    Raises UsageError without the originals, DatasetError for one that is missing or not as it
    should be, FetchError where the public lists cannot be had.
    """
    if speech is None or noise is None:
        raise UsageError(
            "tinybench prepare sww: say with --from where Speech Commands is, and with --noise "
            f"where MUSAN is; {WHERE_FROM}"
        )
    if own_list is None:
        fetch((LIST, WORDS), cache, track, label="fetch sww", mirror=mirror_folder())
        path = cache / LIST.address
    else:
        path = own_list
    wanted = read_build_list(_read(path), str(path))
    steps = track(
        building(wanted, pieces({SPEECH_COMMANDS: speech, MUSAN: noise}), str(path)),
        "prepare sww",
        len(wanted.backgrounds) + len(wanted.words) + 1,
    )
    *_, built = steps
    if built is None:
        raise DatasetError(f"{path}: neither a word nor a background in it: nothing to build")
    folder = out if out is not None else (cache / WORDS.address).parent
    same = None if own_list is not None else _same(built, _read(cache / WORDS.address))
    data = write_recording(folder, STEM, built)
    sha256 = hashlib.sha256(data).hexdigest()
    return Made(folder / f"{STEM}.wav", blob_id(data), sha256, len(built.windows_s), same)


def pieces(roots: dict[str, Path]) -> Piece:
    """Return what reads pieces below their roots: folders, by the names that lists have for them.

    Only the last piece is kept: a recording names few of them twice.
    """
    kept: dict[str, NDArray[np.int16]] = {}

    def piece(path: str, count: int | None) -> NDArray[np.int16]:
        root, below = piece_of(path, "a list")
        if root not in roots:
            raise DatasetError(
                f"{path}: there is no root {root!r}; those there are: {', '.join(roots)}"
            )
        if path not in kept:
            kept.clear()
            file = roots[root] / below
            if not file.is_file():
                raise DatasetError(
                    f"{file}: the list names it ({path}), and there is no such file; is "
                    f"{roots[root]} the folder that the set was unpacked into?"
                )
            kept[path] = read_wav_file(file)
        return kept[path][:count]

    return piece


def blob_id(data: bytes) -> str:
    """Return what `git hash-object` prints of a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def windows_of(raw: bytes, where: str) -> Stream:
    """Return the first entry of a list of words; raises DatasetError."""
    try:
        entries = read_json(raw, type=list[Stream])
    except msgspec.MsgspecError as error:
        raise DatasetError(f"{where}: not a list of words: {error}") from error
    if not entries:
        raise DatasetError(f"{where}: no recording in it")
    return entries[0]


def write_recording(folder: Path, stem: str, built: Recording) -> bytes:
    """Write a recording as wav file and the list of its words beside it; return the wav file.

    Raises DatasetError.
    """
    data = write_wav(built.samples)
    entry = {
        "wav_file": f"{stem}.wav",
        "sample_rate": SAMPLE_RATE_HZ,
        "length_sec": built.length_s,
        "detection_windows": built.windows_s,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / f"{stem}.wav", data)
        write_whole(folder / f"{stem}.json", (json.dumps([entry], indent=1) + "\n").encode())
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be written: {error.strerror or error}") from error
    return data


def _same(built: Recording, raw: bytes) -> int:
    """Return how many of the words are where the official ones are."""
    official = windows_of(raw, WORDS.address).detection_windows
    return sum(
        max(abs(one - other) for one, other in zip(mine, theirs, strict=True)) < _SAME_S
        for mine, theirs in zip(built.windows_s, official, strict=False)
    )


def said(made: Made) -> Sequence[str]:
    """Return what was made, line by line, and whether it is the official recording."""
    lines = [f"{made.windows} words in {made.wav}", f"git blob id {made.blob_id}, SHA-256 "
             f"{made.sha256}"]  # fmt: skip
    if made.same_windows is not None:
        lines.append(f"{made.same_windows} of {made.windows} words are where the official ones are")
        lines.append(
            "it is the official recording, to the byte"
            if made.official
            else f"it is not the official recording, whose blob id is {BLOB_ID}: a last bit may "
            "be rounded otherwise, or an original is another one"
        )
    return lines


def _read(path: Path) -> bytes:
    try:
        return read_bytes(path, DOCUMENT_MOST_B)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
