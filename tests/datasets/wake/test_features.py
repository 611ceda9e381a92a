"""The features of a streaming wake word, against those of the public firmware."""

from pathlib import Path

import numpy as np
import pytest

from tinybench.datasets.wake import features
from tinybench.datasets.wake.wav import read_wav_file
from tinybench.errors import DatasetError

WAVS = "mlcommons/tiny/1afd2c9820f795965a6134facd0b4dfae41ef23f/benchmark/runner/sww_data_dir"


@pytest.mark.parametrize("name", ["short_wav_easy10s", "marvin_617de221_0", "synth1s"])
def test_features_are_those_of_the_public_firmware(
    name: str, shared_data: Path, mirror: Path
) -> None:
    """All int8 values of speech and of a synthetic sound."""
    golden = shared_data / "streaming" / "golden"
    if name == "synth1s":
        samples = np.load(golden / "synth1s_i16.npy")
    else:
        samples = read_wav_file(mirror / WAVS / f"{name}.wav")
    frames = features.log_mel(samples)
    assert np.abs(frames - np.load(golden / f"{name}_fw_features_f32.npy")).max() < 5e-6
    wanted = np.load(golden / f"{name}_fw_features_i8.npy").astype(int)
    assert np.abs(features.quantise(frames) - wanted).max() <= 1
    assert (features.quantise(frames) != wanted).mean() < 0.001
    assert features.saturated(frames) == 0


def test_loud_noise_saturates_and_is_counted(shared_data: Path) -> None:
    """Where the public firmware wraps around."""
    golden = shared_data / "streaming" / "golden"
    frames = features.log_mel(np.load(golden / "loud_i16.npy"))
    wanted = np.load(golden / "loud_fw_features_i8_saturating.npy")
    assert (features.quantise(frames) == wanted).all()
    wrapped = np.load(golden / "loud_fw_features_i8_wrapping.npy")
    assert features.saturated(frames) == (wrapped != wanted).sum() > 0


def test_a_stream_is_the_same_in_pieces_of_any_size() -> None:
    """A frame looks back 1024 samples and one; what is less than 512 gives none."""
    noise = np.random.default_rng(2).integers(-9000, 9000, 512 * 2100).astype(np.int16)
    whole = features.log_mel(noise)
    assert whole.shape == (2100, 40)
    assert (features.log_mel(noise[: 512 * 50]) == whole[:50]).all()
    later = features.log_mel(noise[512 * 2040 :])
    assert np.abs(later[2:] - whole[2042:]).max() < 1e-6
    assert features.log_mel(noise[:511]).shape == (0, 40)
    with pytest.raises(DatasetError, match="one channel of int16"):
        features.log_mel(noise.astype(np.float32))  # pyright: ignore[reportArgumentType]


def test_the_history_begins_with_zeros() -> None:
    """The oldest frame is the first row, the newest the last."""
    frames = np.arange(1, 81, dtype=np.int8).reshape(2, 40)
    seen = features.histories(frames)
    assert seen.shape == (2, 30, 40)
    assert not seen[0, :29].any()
    assert (seen[1, 28:] == frames).all()
