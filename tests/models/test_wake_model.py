"""The embedded wake word model, on the recordings in the package."""

import hashlib

import pytest

from tests.models.packaged import MODELS, unnamed_in_card
from tinybench.datasets.wake.embedded import read_recording
from tinybench.datasets.wake.recording import Recording
from tinybench.models.declaration import load_model
from tinybench.models.training.quantise import check_form
from tinybench.models.training.sww import FORM, heard
from tinybench.runner.streaming.curve import detections
from tinybench.runner.streaming.verdict import Judged, judge_frames

MODEL, CARD = MODELS / "sww01.tflite", MODELS / "sww01.md"


def _judged(recording: Recording) -> Judged:
    pytest.importorskip("tflite_micro")
    outputs = heard(MODEL.read_bytes(), recording)
    return judge_frames(detections(outputs), recording.windows_s)


def test_the_model_has_the_form_of_the_reference() -> None:
    """Operators, shapes and quantisation, so that recordings fit both; the card names the files."""
    check_form(MODEL.read_bytes(), FORM)
    assert unnamed_in_card("sww01", "sww01") == []
    assert load_model("sww01-embedded").file == "embedded/sww01.tflite"


def test_the_model_finds_the_words_of_the_short_recording() -> None:
    """At most one of ten words missed, and no false alarm, in the 75 s that have the words."""
    short = read_recording("short")
    found = _judged(Recording(short.samples[: 16_000 * 75], short.windows_s))
    assert found.doubts == ()
    assert found.rules.counts[1] <= 1
    assert found.rules.counts[2] == 0


@pytest.mark.soak
def test_the_model_keeps_the_rule_with_margin() -> None:
    """Of 50 words in 20 minutes at most 4 missed, and at most 4 false alarms."""
    recording = read_recording("long")
    digest = hashlib.sha256(recording.samples.astype("<i2").tobytes()).hexdigest()
    assert digest in CARD.read_text(encoding="utf-8")
    found = _judged(recording)
    assert found.passes
    assert max(found.rules.counts[1:]) <= 4
