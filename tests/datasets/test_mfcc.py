"""The keyword features: equal to the official ones, and sane at the edges."""

from pathlib import Path

import numpy as np
import pytest

from tinybench.datasets import mfcc
from tinybench.errors import DatasetError
from tinybench.models.compiler.reader import read_graph


def one_file(root: Path, pattern: str) -> Path:
    """Return the only match of a pattern below a folder."""
    (path,) = root.glob(pattern)
    return path


def tone(frequency_hz: float, amplitude: int = 20_000) -> np.ndarray:
    """Return one second of a sine as int16."""
    t = np.arange(mfcc.SAMPLES) / mfcc.SAMPLE_RATE_HZ
    return np.round(amplitude * np.sin(2 * np.pi * frequency_hz * t)).astype(np.int16)


def test_official_features(shared_data: Path) -> None:
    """All 50 open clips give the official features within one step, at least 49 to the byte."""
    official = one_file(shared_data, "mirror/eembc/energyrunner/*/datasets/kws01")
    clips = sorted((shared_data / "samples" / "kws01-open").glob("*.bin"))
    assert len(clips) == 50
    equal = 0
    for clip in clips:
        audio = np.frombuffer(clip.read_bytes(), "<i2").astype(np.int16)
        made = mfcc.quantise(mfcc.mfcc(audio)).astype(int).ravel()
        wanted = np.frombuffer((official / clip.name).read_bytes(), np.int8).astype(int)
        assert np.abs(made - wanted).max() <= 1, clip.name
        equal += np.array_equal(made, wanted)
    assert equal >= 49


def test_official_input_quantisation(shared_data: Path) -> None:
    """The scale and zero point of official inputs are those of the reference model's input."""
    path = one_file(
        shared_data,
        "mirror/mlcommons/tiny/*/benchmark/training/keyword_spotting/trained_models/"
        "kws_ref_model.tflite",
    )
    graph = read_graph(path.read_bytes())
    source = graph.tensors[graph.inputs[0]]
    assert (source.scale, source.zero_point) == (mfcc.INPUT_SCALE, mfcc.INPUT_ZERO_POINT)


def test_shape_and_size() -> None:
    """A clip gives 49 frames of 10 coefficients, 490 bytes once quantised."""
    features = mfcc.mfcc(tone(440))
    assert features.shape == (49, 10)
    assert len(mfcc.quantise(features).tobytes()) == mfcc.INPUT_B == 490


def test_silence_is_the_official_silent_frame() -> None:
    """Digital silence gives in every frame the bytes of the official set's silent frames."""
    quantised = mfcc.quantise(mfcc.mfcc(np.zeros(mfcc.SAMPLES, np.int16)))
    assert (quantised == [-128, 82, 83, 83, 83, 82, 83, 83, 83, 83]).all()


def test_loudness_does_not_matter() -> None:
    """A clip five times as loud has the same features, for the peak is divided out."""
    soft = tone(440, 4_000)
    assert np.allclose(mfcc.mfcc(soft * np.int16(5)), mfcc.mfcc(soft))


def test_brightness_shows_in_the_first_cosine() -> None:
    """Coefficient 1 is positive for a low tone and negative for a high one."""
    assert (mfcc.mfcc(tone(200))[:, 1] > 0).all()
    assert (mfcc.mfcc(tone(3500))[:, 1] < 0).all()


def test_all_frames_of_a_steady_tone_agree() -> None:
    """A tone with whole periods in a stride gives the same features in each frame."""
    features = mfcc.mfcc(tone(500))
    assert np.abs(features - features[0]).max() < 0.01


def test_quantise_truncates_and_wraps_around() -> None:
    """Values are truncated towards zero after the shift; what int8 cannot hold wraps around."""
    values = np.array([1.9, -1.9, 0.0, 127.9, 128.0, 129.2, 133.7, -128.9, -129.0])
    assert mfcc.quantise(values, 1.0, 0).tolist() == [1, -1, 0, 127, -128, -127, -123, -128, 127]


def test_a_loud_clip_wraps_around_as_the_official_one_does() -> None:
    """A square wave at full scale has a first coefficient beyond int8: it is not 127."""
    loud = np.where(np.random.default_rng(3).random(mfcc.SAMPLES) < 0.5, 32_767, -32_768)
    features = mfcc.mfcc(loud.astype(np.int16))
    steps = np.trunc(features / mfcc.INPUT_SCALE + mfcc.INPUT_ZERO_POINT)
    assert (steps > 127).any()
    assert (mfcc.quantise(features)[steps > 127] == steps[steps > 127] - 256).all()


def test_dequantise_inverts_quantise() -> None:
    """Every int8 value survives dequantising and quantising to within one step."""
    values = np.arange(-128, 128).astype(np.int8)
    back = mfcc.quantise(mfcc.dequantise(values).astype(np.float64))
    assert np.abs(back.astype(int) - values).max() <= 1


@pytest.mark.parametrize(
    "audio",
    [
        np.zeros(15_999, np.int16),
        np.zeros((2, 16_000), np.int16),
        np.zeros(16_000, np.float32),
        np.full(16_000, -5, np.int16),
    ],
)
def test_wrong_audio_is_refused(audio: np.ndarray) -> None:
    """Audio of another length, type or sign raises DatasetError with what to do about it."""
    with pytest.raises(DatasetError, match="first"):
        mfcc.mfcc(audio)
