"""Lists to build a recording by: which words and which backgrounds, where, and how loud.

The form is that of the public `long_wav_spec.json`. A piece is named by a root in braces and a path
below it, as in "{musan_path}/music/jamendo/music-jamendo-0000.wav".

Ref: mlcommons/tiny, benchmark/training/streaming_wakeword (build_long_wav_spec.py).
"""

import re
from itertools import pairwise
from typing import Annotated

import msgspec
from msgspec import Meta

from tinybench.errors import DatasetError
from tinybench.read import read_json

from .features import SAMPLE_RATE_HZ

LENGTH_MOST_S = 3600.0
"""Three times the official recording."""
_PIECE = re.compile(
    r"\{([a-z_]{1,40})\}/((?!(?:.*/)?\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*)"
)

Seconds = Annotated[float, Meta(ge=0, le=LENGTH_MOST_S)]
Level = Annotated[float, Meta(gt=0, le=1000)]
Path = Annotated[str, Meta(min_length=1, max_length=400)]


class Background(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The beginning of a piece, brought to a level (its standard deviation), between two times."""

    path: Path
    begin_s: Seconds
    end_s: Seconds
    level: Level


class Word(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The wake word, trimmed and brought to a level (its standard deviation), from a time on."""

    path: Path
    at_s: Seconds
    level: Level


class BuildList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a recording is built from; backgrounds are added first, in their order."""

    backgrounds: Annotated[list[Background], Meta(max_length=10_000)] = msgspec.field(
        name="configs_background"
    )
    words: Annotated[list[Word], Meta(max_length=1000)] = msgspec.field(name="configs_wakeword")
    length_s: Annotated[float, Meta(gt=0, le=LENGTH_MOST_S)] = msgspec.field(name="length_sec")
    sample_rate: int = SAMPLE_RATE_HZ

    @property
    def samples(self) -> int:
        return int(self.length_s * SAMPLE_RATE_HZ)


def read_build_list(raw: bytes, where: str) -> BuildList:
    """Parse and check a build list; `where` names it in messages. Raises DatasetError."""
    try:
        found = read_json(raw, type=BuildList)
    except msgspec.MsgspecError as error:
        raise DatasetError(
            f"{where}: not a list to build a recording by: {error}; take the public "
            "long_wav_spec.json as it is"
        ) from error
    if found.sample_rate != SAMPLE_RATE_HZ:
        raise DatasetError(
            f"{where}: a sample rate of {found.sample_rate}, wanted {SAMPLE_RATE_HZ}"
        )
    for number, one in enumerate(found.backgrounds, start=1):
        name = f"{where}, background {number}"
        piece_of(one.path, name)
        if not one.begin_s < one.end_s <= found.length_s:
            raise DatasetError(
                f"{name}: from {one.begin_s:g} to {one.end_s:g} s, in a recording of "
                f"{found.length_s:g} s; it ends after it begins, and within the recording"
            )
        if placed(one)[1] - placed(one)[0] != taken(one):
            raise DatasetError(
                f"{name}: the samples from {one.begin_s!r} to {one.end_s!r} s are not as many as "
                f"in {one.end_s - one.begin_s!r} s: give times that are whole samples"
            )
    for number, one in enumerate(found.words, start=1):
        piece_of(one.path, f"{where}, word {number}")
        if one.at_s >= found.length_s:
            raise DatasetError(
                f"{where}, word {number}: at {one.at_s:g} s, after the end of the recording at "
                f"{found.length_s:g} s"
            )
    for number, (one, other) in enumerate(pairwise(found.words), start=1):
        if other.at_s <= one.at_s:
            raise DatasetError(
                f"{where}: word {number + 1}, at {other.at_s:g} s, does not come after word "
                f"{number}, at {one.at_s:g} s; words are listed in their order"
            )
    return found


def piece_of(path: str, where: str) -> tuple[str, str]:
    """Return root and path of a piece; raises DatasetError for a path that may not be one."""
    match = _PIECE.fullmatch(path)
    if match is None:
        raise DatasetError(
            f"{where}: {path[:100]!r} is not the path of a piece, such as "
            "'{speech_commands_path}/marvin/aef8dcf5_nohash_0.wav'"
        )
    return match[1], match[2]


def placed(one: Background) -> tuple[int, int]:
    """Return the samples that a background is added to: first, and first after it."""
    return int(one.begin_s * SAMPLE_RATE_HZ), int(one.end_s * SAMPLE_RATE_HZ)


def taken(one: Background) -> int:
    """Return how many samples of its piece a background takes."""
    return int((one.end_s - one.begin_s) * SAMPLE_RATE_HZ)
