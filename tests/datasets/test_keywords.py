"""The embedded keyword set and its model: what is in the package, and how the set is made."""

import csv
import io
import shutil
import zipfile
from collections import Counter
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from tinybench.datasets import keywords, mfcc
from tinybench.errors import DatasetError, ToolMissingError

SET = Path(str(files("tinybench.datasets"))) / "embedded" / "kws01.zip"
MODEL = Path(str(files("tinybench.models"))) / "embedded" / "kws01.tflite"
CARD = MODEL.with_suffix(".md")

needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None,
    reason="espeak-ng is not installed (apt-get install espeak-ng)",
)


def packaged() -> tuple[list[tuple[str, int, int]], list[bytes]]:
    """Return the label lines and the inputs of the packaged set, in their order."""
    with zipfile.ZipFile(SET) as archive:
        text = archive.read("kws01/y_labels.csv").decode()
        lines = [
            (name, int(count), int(label)) for name, count, label in csv.reader(io.StringIO(text))
        ]
        return lines, [archive.read(f"kws01/{name}") for name, _, _ in lines]


def test_packaged_set_is_balanced() -> None:
    """The set has 300 inputs, 25 of each of 12 classes, and nothing else in the file."""
    lines, _ = packaged()
    assert Counter(label for _, _, label in lines) == dict.fromkeys(range(12), 25)
    with zipfile.ZipFile(SET) as archive:
        wanted = {"kws01/y_labels.csv", *(f"kws01/{name}" for name, _, _ in lines)}
        assert set(archive.namelist()) == wanted


def test_packaged_label_lines_follow_the_official_form() -> None:
    """Each line is file, 12, label, and the file's name tells index, class and label."""
    lines, _ = packaged()
    for index, (name, count, label) in enumerate(lines):
        assert count == 12
        assert name == f"tst_{index:06d}_{keywords.CLASSES[label]}_{label}.bin"


def test_packaged_inputs_are_distinct_and_whole() -> None:
    """Every input has 490 bytes and none occurs twice."""
    _, inputs = packaged()
    assert {len(data) for data in inputs} == {mfcc.INPUT_B}
    assert len(set(inputs)) == len(inputs)


def test_first_five_inputs_are_of_five_classes() -> None:
    """Performance mode runs on the first five inputs: they are of different classes."""
    lines, _ = packaged()
    assert len({label for _, _, label in lines[:5]}) == 5


def test_packaged_model_scores_ninety_per_cent() -> None:
    """The packaged model has at least 90 % top-1 on the packaged set by TFLM's kernels."""
    pytest.importorskip("tflite_micro")
    from tinybench.models.training.quantise import confusion

    lines, inputs = packaged()
    features = np.frombuffer(b"".join(inputs), np.int8).reshape(-1, mfcc.INPUT_B)
    labels = np.array([label for _, _, label in lines], np.uint8)
    matrix = confusion(MODEL.read_bytes(), features.reshape(-1, 49, 10, 1), labels, 12)
    assert matrix.sum() == 300
    assert matrix.trace() >= 0.90 * 300


def test_packaged_model_has_the_form_of_the_reference() -> None:
    """Operators, shapes and quantisation are the reference model's, so inputs fit both."""
    from tinybench.models.training.kws import FORM
    from tinybench.models.training.quantise import check_form

    check_form(MODEL.read_bytes(), FORM)


def test_card_names_the_files_by_hash() -> None:
    """The model card tells the SHA-256 of the model and of the set that are in the package."""
    import hashlib

    card = CARD.read_text(encoding="utf-8")
    for path in (SET, MODEL):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in card, path.name


def test_voices_are_disjoint() -> None:
    """No voice variant speaks both in training and in the test set."""
    assert not set(keywords.VARIANTS["train"]) & set(keywords.VARIANTS["test"])
    assert all(len(set(names)) == len(names) for names in keywords.VARIANTS.values())


def test_other_words_are_not_keywords() -> None:
    """Class Unknown has none of the ten keywords."""
    assert not {name.lower() for name in keywords.CLASSES} & set(keywords.OTHER_WORDS)


@needs_espeak
@pytest.mark.soak
def test_same_seed_same_bytes(tmp_path: Path) -> None:
    """A set made twice with one seed is the same file to the byte; another seed gives another."""
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        features, labels = keywords.keyword_set("test", 1, seed)
        assert features.shape == (12, 490)
        assert len(set(labels[:5])) == 5
        keywords.write_dataset(tmp_path / name, features, labels)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


@needs_espeak
def test_packaged_set_is_reproduced() -> None:
    """The generator gives the packaged inputs again, by the espeak-ng version that made them."""
    from tinybench.models.training.command import SEED
    from tinybench.models.training.kws import TEST_PER_CLASS

    version = keywords.espeak_version()
    if version not in CARD.read_text(encoding="utf-8"):
        pytest.skip(f"the packaged set was made by another version than {version}")
    features = keywords.class_features("test", 0, TEST_PER_CLASS, SEED)
    lines, inputs = packaged()
    kept = {data for data, (_, _, label) in zip(inputs, lines, strict=True) if label == 0}
    assert {row.tobytes() for row in features} == kept


@needs_espeak
def test_speech_has_no_silence_around_it() -> None:
    """A short word takes a plausible time, at 16 kHz, and starts at once."""
    speech = keywords.speak(keywords.Utterance("stop", "en-us+m3", 160, 50))
    assert 0.2 * 16_000 < len(speech) < 0.8 * 16_000
    assert np.abs(speech).max() <= 1.1
    assert np.abs(speech[:160]).max() > 0.005


@needs_espeak
def test_unspeakable_text_is_an_error() -> None:
    """Text that gives no sound, or a voice that does not exist, is a DatasetError."""
    for text, voice in ((" ", "en-us"), ("stop", "xx-none")):
        with pytest.raises(DatasetError, match="espeak-ng"):
            keywords.speak(keywords.Utterance(text, voice, 160, 50))


def test_missing_espeak_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without espeak-ng on PATH the error says how to install it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match="apt-get install espeak-ng"):
        keywords.espeak_version()


def test_missing_voice_variant_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An espeak-ng without a variant of ours is refused: it would speak in its default voice."""
    program = tmp_path / "espeak-ng"
    program.write_text("#!/bin/sh\necho 5 variant --/M adam !v/adam\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(ToolMissingError, match="Alex"):
        keywords.class_features("train", 0, 1, 1)
