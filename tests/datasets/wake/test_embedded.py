"""The embedded wake word recordings and the model for them, and how they are made."""

import hashlib
import json
import shutil
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tinybench.datasets import keywords
from tinybench.datasets.wake import adpcm, embedded, made, speech
from tinybench.datasets.wake.build_list import read_build_list
from tinybench.datasets.wake.official import windows_of
from tinybench.datasets.wake.recording import Recording
from tinybench.datasets.wake.wav import read_wav_file
from tinybench.errors import DatasetError
from tinybench.runner.cli import main
from tinybench.runner.streaming.verdict import doubts

SHORT_SHA256 = "dcee3a7ee3f284b8cad5a1578818ae5e0c5d715d276cfd514f9e30f4f04d79e2"
SPOKEN_BY = "eSpeak NG text-to-speech: 1.51"
SEED = 1
needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None,
    reason="espeak-ng is not installed (apt-get install espeak-ng)",
)


@pytest.fixture(scope="module")
def short() -> Recording:
    return embedded.read_recording("short")


@pytest.mark.parametrize(("which", "words", "length_s"), [("short", 10, 120), ("long", 50, 1200)])
def test_the_lists_are_long_enough_and_their_words_apart(
    which: str, words: int, length_s: float
) -> None:
    """Words begin 4 s apart or more; talk, music and noise come at several levels."""
    with zipfile.ZipFile(embedded.archive_path()) as archive:
        raw = archive.read(f"sww01/{which}.json")
        names = archive.namelist()
    wanted = read_build_list(raw, which)
    assert (len(wanted.words), wanted.length_s) == (words, length_s)
    assert len({one.path for one in wanted.words}) == words
    assert min(b.at_s - a.at_s for a, b in pairwise(wanted.words)) > 3.9
    kinds = {one.path.split("/")[1] for one in wanted.backgrounds if one.path.startswith("{made}")}
    assert {"pink", "music"} <= kinds
    assert len({one.level for one in wanted.backgrounds if "talk" in one.path}) >= 2
    spoken = {one.path.replace("{", "sww01/").replace("}", "") for one in
              [*wanted.words, *wanted.backgrounds] if "made" not in one.path}  # fmt: skip
    assert spoken <= set(names)


def test_the_short_recording_is_the_same_everywhere(short: Recording) -> None:
    """Two minutes, to the byte."""
    assert short.length_s == 120
    assert len(short.windows_s) == 10
    assert doubts([32], short.windows_s, short.length_s) == []
    assert hashlib.sha256(short.samples.astype("<i2").tobytes()).hexdigest() == SHORT_SHA256


def test_the_command_writes_the_short_recording(short: Recording, tmp_path: Path) -> None:
    """As an interface board plays it, with the list of its words beside it."""
    assert main(["prepare", "sww", "--embedded", "short", "-o", str(tmp_path)]) == 0
    assert (read_wav_file(tmp_path / "short.wav") == short.samples).all()
    truth = windows_of((tmp_path / "short.json").read_bytes(), "short")
    assert tuple(truth.detection_windows) == short.windows_s
    assert (truth.length_sec, truth.wav_file) == (120, "short.wav")
    assert main(["prepare", "kws", "--embedded", "short"]) == 2


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    """One that is not there, no zip, without its list, and with a piece that is no speech."""
    path = tmp_path / "sww01.zip"
    for content in (None, b"no zip", {"short.json": None}, {"word/00.wav": b"no speech"}):
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            with (
                zipfile.ZipFile(embedded.archive_path()) as good,
                zipfile.ZipFile(path, "w") as bad,
            ):
                for name in good.namelist():
                    data = content.get(name.removeprefix("sww01/"), good.read(name))
                    if data is not None:
                        bad.writestr(name, data)
        with pytest.raises(DatasetError):
            embedded.read_recording("short", path)


def test_pieces_that_are_not_there_are_named() -> None:
    """Computed ones have a kind and a number, and are asked for by their length."""
    piece = embedded.reader({"{word}/a.wav": np.arange(9, dtype=np.int16)})
    assert piece("{word}/a.wav", 4).tolist() == [0, 1, 2, 3]
    assert len(piece("{made}/pink/7", 100)) == 100
    for path, count in (("{word}/b.wav", None), ("{made}/song/1", 9), ("{made}/pink/7", None)):
        with pytest.raises(DatasetError, match="no such piece"):
            piece(path, count)


@pytest.mark.parametrize("kind", made.KINDS)
def test_computed_sounds_are_the_same_everywhere(kind: str) -> None:
    """In whole numbers, so to the bit; another number is another sound; none is silent."""
    known = {
        "white": "4b8d9ed520f200bd",
        "pink": "5e07d47deae4ee16",
        "hum": "7b201a8b7ca5085b",
        "music": "6ed75c2df0607d33",
    }
    sound = made.made(kind, 1, 20_000)
    assert (sound.dtype, len(sound)) == (np.int16, 20_000)
    assert hashlib.sha256(sound.astype("<i2").tobytes()).hexdigest()[:16] == known[kind]
    assert (sound != made.made(kind, 2, 20_000)).mean() > 0.5
    assert sound.astype(float).std() > 500
    assert (np.abs(sound.astype(int)) >= 32767).mean() < 0.01


@needs_espeak
def test_the_packaged_words_are_reproduced() -> None:
    """By the espeak-ng that made them, the same to the byte."""
    version = keywords.espeak_version()
    if version != SPOKEN_BY:
        pytest.skip(f"the packaged recordings were made by another version than {version}")
    clips = speech.word_clips("test", [speech.WAKE_WORD] * embedded.WORDS, SEED)
    with zipfile.ZipFile(embedded.archive_path()) as archive:
        for at, clip in enumerate(clips):
            assert archive.read(f"sww01/word/{at:02}.wav") == adpcm.write_wav(clip), at


def test_the_wake_word_is_in_no_talk() -> None:
    """Nor is a word twice among those that sound like it."""
    assert speech.WAKE_WORD not in {*speech.TALK_WORDS, *speech.NEAR_WORDS}
    assert len(set(speech.NEAR_WORDS)) == len(speech.NEAR_WORDS)


def test_a_list_is_written_as_json_that_is_read_again() -> None:
    """Talk fills its sections and stays in them; the first and the last word are where asked."""
    talk = {"{talk}/0": 32_000, "{talk}/1": 50_000}
    names = [f"{{word}}/{n}.wav" for n in range(50)]
    wanted = speech.long_list(names, talk, 3)
    raw = embedded.list_text(wanted)
    assert read_build_list(raw, "x") == wanted
    assert json.loads(raw)["sample_rate"] == 16_000
    assert (wanted.words[0].at_s, wanted.words[-1].at_s) == (8.0, 570.0)
    said_s = sum(one.end_s - one.begin_s for one in wanted.backgrounds if "talk" in one.path)
    assert said_s > 0.8 * 800
