"""The log-mel features of machine sounds."""

import numpy as np
import pytest

from tinybench.datasets.logmel import log_mel, windows
from tinybench.errors import DatasetError

# librosa 0.11.0, 10 * log10(melspectrogram(y, sr=16000, n_fft=1024, hop_length=512) + eps) of the
# sound below; bins 0, 5, 17, 30, 64, 100 and 127 of its frames 1, 7 and 13.
REFERENCE_DB = {
    0: (-46.348, -24.572, 22.191, -38.524, -46.922, -43.247, -42.693),
    6: (-99.425, -41.295, -58.972, -88.048, 18.87, -43.248, -42.693),
    12: (-107.255, -41.294, -58.936, -84.579, -46.915, -43.246, -42.693),
}


def test_features_are_librosas() -> None:
    """A sweep with a pattern of noise gives librosa's values."""
    n = np.arange(8000)
    sweep = 0.5 * np.sin(2 * np.pi * (200 + 0.2 * n) * n / 16000)
    frames = log_mel((sweep + 0.01 * ((n * 7919) % 101 / 50 - 1)).astype(np.float32))
    assert frames.shape == (14, 128)
    assert frames.dtype == np.float32
    for index, values in REFERENCE_DB.items():
        assert frames[index, [0, 5, 17, 30, 64, 100, 127]] == pytest.approx(values, abs=0.01)


def test_silence_is_finite() -> None:
    """Silence has the power of one float64 epsilon."""
    assert log_mel(np.zeros(1024)) == pytest.approx(np.full((1, 128), -156.536), abs=0.001)


@pytest.mark.parametrize("sound", [np.zeros(1023), np.zeros((2, 2048)), np.zeros(0)])
def test_sound_of_another_shape_is_refused(sound: np.ndarray) -> None:
    """Too short, or two channels."""
    with pytest.raises(DatasetError, match="at least 1024 samples"):
        log_mel(sound)


def test_windows_slide_by_one_frame() -> None:
    """Window i is frames i to i + 4, one after the other; fewer than five are refused."""
    frames = np.arange(7 * 128, dtype=np.float32).reshape(7, 128)
    assert windows(frames).tolist() == [
        frames[start : start + 5].ravel().tolist() for start in range(3)
    ]
    with pytest.raises(DatasetError, match="there are 4"):
        windows(frames[:4])
