"""Recordings of a user's folder that a stream plays: those that can be, and what is wrong else."""

import json
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinybench.datasets.reader import digest_of
from tinybench.datasets.wake import played
from tinybench.datasets.wake.official import STEM, WORDS, write_recording
from tinybench.datasets.wake.played import middle_frame, read_played
from tinybench.datasets.wake.recording import Recording
from tinybench.errors import DatasetError

RATE = 16_000
TONE = (np.sin(np.arange(4 * RATE) / 9) * 9000).astype(np.int16)
ENTRY = {"wav_file": "a.wav", "detection_windows": [[0.5, 1.0], [2.5, 3.0]], "length_sec": 4.0}


def _wav(path: Path, rate: int = RATE, channels: int = 1, bits: int = 16) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(bits // 8)
        file.setframerate(rate)
        sound = TONE if bits == 16 else (TONE // 256 + 128).astype(np.uint8)
        both = np.stack([sound, sound // 2], 1) if channels == 2 else sound
        file.writeframes(both.tobytes())


def _list(folder: Path, name: str = "a.json", **changed: Any) -> None:
    (folder / name).write_text(json.dumps([{**ENTRY, **changed}]))


def test_a_recording_is_known_by_its_sound_and_its_words(tmp_path: Path) -> None:
    """Its digest is of both; what is written is read again; the frame in the middle is whole."""
    windows_s = ((0.5, 1.0), (2.5, 3.0))
    write_recording(tmp_path, "mine", Recording(TONE, windows_s))
    found = read_played(tmp_path)
    assert (found.name, found.origin) == ("mine.wav", "custom")
    np.testing.assert_array_equal(found.recording.samples, TONE)
    (one,) = found.samples.samples
    assert one.sha256 == played.sound_sha256(TONE.astype("<i2").tobytes())
    assert one.digest == digest_of(one.sha256, [0.5, 1.0, 2.5, 3.0]) != one.sha256
    _list(tmp_path, "mine.json", wav_file="mine.wav", detection_windows=[[0.5, 1.0], [2.5, 3.1]])
    assert read_played(tmp_path).samples.sha256 != found.samples.sha256
    assert len(middle_frame(TONE)) == 1024


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda at: _wav(at / "a.wav", rate=44_100), "44100 samples a second, wanted 16000"),
        (lambda at: _wav(at / "a.wav", channels=2), "two channels differ"),
        (lambda at: _wav(at / "a.wav", bits=8), "8 bits a sample"),
        (lambda at: (at / "a.wav").write_bytes((at / "a.wav").read_bytes()[:-9]), "was cut short"),
        (lambda at: (at / "a.wav").unlink(), "a.json names it, and it cannot be read"),
        (lambda at: (at / "a.json").unlink(), "0 lists of words"),
        (lambda at: (at / "a.json").write_text("{"), "not a list of words"),
        (lambda at: (at / "a.json").write_text("[]"), "no recording in it"),
        (lambda at: _list(at, "b.json"), "2 lists of words"),
        (lambda at: _list(at, wav_file="../a.wav"), "wanted the name of a file beside it"),
        (lambda at: _list(at, sample_rate=8000), "a sample rate of 8000"),
        (lambda at: _list(at, length_sec=1200.0), "a list for a recording of 1200 s"),
        (lambda at: _list(at, detection_windows=[]), "0 words, wanted 1"),
        (lambda at: _list(at, detection_windows=[[1.0, 0.5]]), "word 1, 1 to 0.5 s, is not in"),
        (lambda at: _list(at, detection_windows=[[3.5, 4.5]]), "word 1, 3.5 to 4.5 s, is not in"),
        (lambda at: _list(at, detection_windows=[[0.5, 2], [1, 3]]), "words 1 and 2 overlap"),
        (lambda at: _list(at, detection_windows=[[2, 3], [0.5, 1]]), "or are out of order"),
    ],
)
def test_what_cannot_be_played_is_said(
    spoil: Callable[[Path], Any], said: str, tmp_path: Path
) -> None:
    """By the name of the file, in one sentence."""
    _wav(tmp_path / "a.wav")
    _list(tmp_path)
    assert read_played(tmp_path).recording.length_s == 4.0
    spoil(tmp_path)
    with pytest.raises(DatasetError, match=said) as caught:
        read_played(tmp_path)
    assert str(tmp_path) in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.tuples(st.floats(allow_nan=True), st.floats()), max_size=4))
def test_any_list_is_played_or_refused(words: list[tuple[float, float]]) -> None:
    """Numbers that are none, infinite ones, ones beyond the end."""
    recording = Recording(TONE, tuple(words))
    try:
        played._insist_words(recording, None, "a list")
    except DatasetError:
        return
    assert all(0 <= start_s < end_s <= 4.0 for start_s, end_s in words)
    assert sorted(words) == words


def test_the_official_words_with_other_sound_are_unverified(
    tmp_path: Path, shared_data: Path
) -> None:
    """As a rebuild is that a last bit tells apart; of several lists the official one is taken."""
    raw = (shared_data / "mirror" / WORDS.address).read_bytes()
    windows_s = tuple(map(tuple, json.loads(raw)[0]["detection_windows"]))
    write_recording(tmp_path, STEM, Recording(np.zeros(1200 * RATE, np.int16), windows_s))
    (tmp_path / "other.json").write_text("{")
    assert read_played(tmp_path).origin == "custom"
    (tmp_path / Path(WORDS.address).name).write_bytes(raw)
    assert read_played(tmp_path).origin == "unverified"
