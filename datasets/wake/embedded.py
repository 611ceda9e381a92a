"""The wake word recordings in the package: pieces of speech, and the lists to build from them.

`embedded/sww01.zip` has the words and the sentences as wav files of IMA ADPCM, and two lists: 2
minutes ("short") and 20 ("long"). Noise and music are computed (made.py). What is built is the same
to the byte everywhere.
"""

import json
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from tinybench.errors import DatasetError
from tinybench.files import open_zip

from ..archive import write_files
from ..declaration import package_folder
from ..reader import READ_ERRORS
from . import adpcm
from .build_list import BuildList, piece_of, read_build_list
from .made import KINDS, made
from .recording import Piece, Recording, build
from .speech import WAKE_WORD, long_list, sentences, short_list, word_clips

FOLDER = "sww01"
WORDS, SHORT_WORDS, SENTENCES = 50, 10, 40
"""In the 20 minutes and the 2, and sentences of the talk in both."""
NEAR_SHARE = 0.05
"""Of the words that are talked: those that sound like the wake word."""
_FILE_MOST_B = 1 << 20


def archive_path() -> Path:
    """Return where the package's pieces and lists are."""
    return package_folder() / "embedded" / f"{FOLDER}.zip"


@cache
def read_recording(which: str, archive: Path | None = None) -> Recording:
    """Build a recording of the package, "short" or "long", which takes a second or two.

    Raises DatasetError when the archive is not there or damaged.
    """
    path = archive or archive_path()
    try:
        with open_zip(path) as opened:
            raw = _member(opened, f"{which}.json")
            packed = {
                f"{{{root}}}/{name}": _member(opened, f"{root}/{name}")
                for root, _, name in (
                    one.removeprefix(f"{FOLDER}/").partition("/") for one in opened.namelist()
                )
                if root in ("word", "talk")
            }
    except READ_ERRORS as error:
        raise DatasetError(
            f"{path}: the recordings cannot be read: {error}; if they are the package's, install "
            "tinybench again, or make them from a checkout with: make models"
        ) from error
    wanted = read_build_list(raw, f"{path}/{which}.json")
    return build(wanted, reader(adpcm.read_wavs(packed)), str(path))


def reader(clips: Mapping[str, NDArray[np.int16]]) -> Piece:
    """Return what gives the pieces of these clips, and those that are computed."""

    def piece(path: str, count: int | None) -> NDArray[np.int16]:
        root, rest = piece_of(path, "a list")
        kind, _, number = rest.partition("/")
        if root == "made" and kind in KINDS and number.isdecimal() and count is not None:
            return made(kind, int(number[:18]), count)
        if path not in clips:
            raise DatasetError(f"{path}: there is no such piece among the {len(clips)} at hand")
        return clips[path][:count]

    return piece


def make_archive(path: Path, seed: int, *, words: int = WORDS, talk: int = SENTENCES) -> None:
    """Write the archive, spoken by the test voices. Raises as `keywords.speak` does."""
    spoken = word_clips("test", [WAKE_WORD] * words, seed)
    said = sentences("test", talk, seed, NEAR_SHARE)
    files = {f"word/{at:02}.wav": adpcm.write_wav(clip) for at, clip in enumerate(spoken)}
    files |= {f"talk/{at:02}.wav": adpcm.write_wav(clip) for at, clip in enumerate(said)}
    names = ["{word}/" + f"{at:02}.wav" for at in range(words)]
    lengths = {"{talk}/" + f"{at:02}.wav": len(clip) for at, clip in enumerate(said)}
    for which, wanted in (
        ("long", long_list(names, lengths, seed)),
        ("short", short_list(names[:SHORT_WORDS], lengths, seed)),
    ):
        files[f"{which}.json"] = list_text(wanted)
        read_build_list(files[f"{which}.json"], which)
    write_files(path, {f"{FOLDER}/{name}": data for name, data in files.items()})


def list_text(wanted: BuildList) -> bytes:
    """Return a list as JSON, a line for each piece."""
    fields = json.loads(msgspec.json.encode(wanted))
    parts = []
    for name, value in fields.items():
        if isinstance(value, list):
            lines = ",\n".join(f"  {json.dumps(one)}" for one in value)
            parts.append(f"{json.dumps(name)}: [\n{lines}\n]")
        else:
            parts.append(f"{json.dumps(name)}: {json.dumps(value)}")
    return ("{" + ",\n".join(parts) + "}\n").encode()


def _member(opened: zipfile.ZipFile, name: str) -> bytes:
    with opened.open(f"{FOLDER}/{name}") as file:
        data = file.read(_FILE_MOST_B + 1)
    if len(data) > _FILE_MOST_B:
        raise ValueError(f"{name}: more than {_FILE_MOST_B} bytes")
    return data
