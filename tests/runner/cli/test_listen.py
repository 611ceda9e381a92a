"""`tinybench listen`: what a board hears in a recording, and recordings that are none."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest

from tests import streaming_data
from tinybench.runner.cli import main

NAME = "marvin_617de221_0"


def _wav(path: Path, samples: np.ndarray, rate_hz: int = 16_000, width_b: int = 2) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(width_b)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())
    return str(path)


@pytest.fixture
def model(shared_data: Path, tmp_path: Path) -> str:
    """The reference model."""
    path = tmp_path / "reference.tflite"
    path.write_bytes(streaming_data.model(shared_data))
    return str(path)


def test_a_recording_is_heard(
    model: str, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Detections with their times, and the outputs of each frame, for a person and a program."""
    sound = streaming_data.sound(shared_data, NAME)
    path = _wav(tmp_path / "word.wav", np.stack([sound, sound], axis=1))
    words = ["listen", path, "--model", model, "--board", "host", "-q"]
    assert main([*words, "--threshold", "0.9"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "46,040 of 826,368 MACs a frame" in said
    assert "frame by frame" in said
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    outputs = streaming_data.golden(shared_data, f"{NAME}_outputs_i8")
    assert found["activations"] == outputs.tolist()
    assert [one["frame"] for one in found["detections"]] == list(range(19, 31))
    assert found["detections"][0]["end_s"] == 0.64
    assert (found["frames"], found["outside"], found["instructions"]) == (31, 0, None)


def test_what_is_no_recording_is_refused(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another rate, eight bits, channels that differ, a file that is cut, too short, or none."""
    silence = np.zeros(1600, np.int16)
    noise = np.random.default_rng(0).integers(-99, 99, (800, 2)).astype(np.int16)
    cut = Path(_wav(tmp_path / "cut.wav", silence))
    cut.write_bytes(cut.read_bytes()[:20])
    for path, said in (
        (_wav(tmp_path / "rate.wav", silence, rate_hz=44_100), "44100 samples a second"),
        (_wav(tmp_path / "bits.wav", silence, width_b=1), "8 bits a sample"),
        (_wav(tmp_path / "two.wav", noise), "its two channels differ"),
        (_wav(tmp_path / "short.wav", silence[:511]), "a recording of 511 samples"),
        (str(cut), "its format has 0 bytes"),
        (str(tmp_path / "gone.wav"), "cannot be read"),
    ):
        assert main(["listen", path, "--model", model, "--board", "host"]) == 2
        assert said in capsys.readouterr().err
    assert main(["listen", str(cut), "--model", model, "--threshold", "1.5"]) == 2
