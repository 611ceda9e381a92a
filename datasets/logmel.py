"""The official features of machine sounds: log-mel spectra in float32, 128 values a frame.

Equal to librosa's melspectrogram, within the rounding of float32, as the baseline of DCASE 2020
task 2 and MLPerf Tiny call it; frames that reach over an end of the sound are left out.

Ref: mlcommons/tiny, benchmark/training/anomaly_detection (common.py); librosa, filters.mel and
feature.melspectrogram; Slaney, "Auditory Toolbox", 1998, for the scale and the norm.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import DatasetError

SAMPLE_RATE_HZ = 16_000
MEL_BINS = 128
WINDOW_FRAMES = 5
"""Frames that a model sees at once; windows slide by one frame."""

_FFT_SAMPLES = 1024
_HOP_SAMPLES = 512

# Slaney's scale: linear below 1 kHz with 3 mel in 200 Hz, then 27 steps to each factor of 6.4.
_LINEAR_HZ_PER_MEL = 200 / 3
_KNEE_HZ, _KNEE_MEL = 1000.0, 15.0
_LOG_STEP = np.log(6.4) / 27


def log_mel(sound: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the frames, (n, 128) in dB, of sound within -1..1 at 16 kHz.

    Frame i is centred on sample 512 * (i + 1): it is frame i + 1 of librosa, which pads the ends.
    Raises DatasetError for sound that is not one channel, or shorter than a frame (1024 samples).
    """
    if sound.ndim != 1 or len(sound) < _FFT_SAMPLES:
        raise DatasetError(
            f"machine sound must be one channel of at least {_FFT_SAMPLES} samples, this has the "
            f"shape {sound.shape}: take one channel, at 16 kHz"
        )
    frames = np.lib.stride_tricks.sliding_window_view(sound, _FFT_SAMPLES)[::_HOP_SAMPLES]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT_SAMPLES) / _FFT_SAMPLES)
    power = np.abs(np.fft.rfft(frames * hann)) ** 2
    return (10 * np.log10(power @ _mel_filters() + np.finfo(float).eps)).astype(np.float32)


def windows(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the model's inputs, (n - 4, 640), from frames (n, 128): each window slides by one.

    Raises DatasetError for fewer than five frames.
    """
    if len(frames) < WINDOW_FRAMES:
        raise DatasetError(
            f"a window takes {WINDOW_FRAMES} frames of machine sound, there are {len(frames)}: "
            "use a longer recording"
        )
    starts = np.arange(len(frames) - WINDOW_FRAMES + 1)[:, np.newaxis]
    return frames[starts + np.arange(WINDOW_FRAMES)].reshape(len(starts), -1)


@cache
def _mel_filters() -> NDArray[np.float64]:
    """Return the triangular filters, (513, 128), each with the area of a band of 1 Hz."""
    top_mel = _KNEE_MEL + np.log(SAMPLE_RATE_HZ / 2 / _KNEE_HZ) / _LOG_STEP
    mels = np.linspace(0, top_mel, MEL_BINS + 2)
    edges_hz = np.where(
        mels < _KNEE_MEL,
        _LINEAR_HZ_PER_MEL * mels,
        _KNEE_HZ * np.exp(_LOG_STEP * (mels - _KNEE_MEL)),
    )
    low, middle, high = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    line_hz = np.fft.rfftfreq(_FFT_SAMPLES, 1 / SAMPLE_RATE_HZ)[:, np.newaxis]
    rise, fall = (line_hz - low) / (middle - low), (high - line_hz) / (high - middle)
    return np.maximum(0, np.minimum(rise, fall)) * (2 / (high - low))
