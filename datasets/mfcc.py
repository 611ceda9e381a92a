"""The official keyword features: one second of audio to 49 frames of 10 MFCC in int8.

Equal to the features of the public kws01 set: the data preparation of MLPerf Tiny computes them in
float32 with TensorFlow; here they are computed in float64, and truncation hides the difference.

Ref: mlcommons/tiny, benchmark/training/keyword_spotting (get_dataset.py, make_bin_files.py);
TensorFlow, tf.signal (stft, linear_to_mel_weight_matrix, mfccs_from_log_mel_spectrograms).
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import DatasetError

SAMPLE_RATE_HZ = 16_000
SAMPLES = 16_000
FRAMES = 49
COEFFICIENTS = 10
INPUT_B = FRAMES * COEFFICIENTS

# Input quantisation of the public kws_ref_model.tflite, with which the official inputs are made.
INPUT_SCALE = float(np.float32(0.5847029))
INPUT_ZERO_POINT = 83

_FRAME_SAMPLES = 480  # 30 ms
_STRIDE_SAMPLES = 320  # 20 ms
_FFT_SAMPLES = 512
_MEL_BINS = 40
_MEL_LOW_HZ, _MEL_HIGH_HZ = 20.0, 4000.0
_LOG_OFFSET = 1e-6

# In digital silence coefficients 1 to 9 are exactly zero, but the reference's float32 transform
# leaves 1 and 5 a hair below: once truncated 82, not 83, in every silent frame of the official set.
_SILENCE_RESIDUE = (-1e-6, 0.0, 0.0, 0.0, -1e-6, 0.0, 0.0, 0.0, 0.0)


def mfcc(audio: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the 49 x 10 MFCC of one second of audio, 16000 samples of int16 at 16 kHz.

    The audio is divided by its largest (positive) sample first, as the reference does, so that its
    loudness does not matter.

    Raises DatasetError for another length or type, and for audio that has no positive sample.
    """
    if audio.shape != (SAMPLES,) or audio.dtype != np.int16:
        raise DatasetError(
            f"keyword audio must be {SAMPLES} samples of int16 (1 s at 16 kHz), "
            f"this is {audio.dtype} of shape {audio.shape}: cut or resample it first"
        )
    peak = int(audio.max())
    if peak <= 0 and audio.any():
        raise DatasetError(
            "keyword audio has no positive sample, so it cannot be normalised by its peak: "
            "remove its constant offset first"
        )
    starts = np.arange(FRAMES)[:, np.newaxis] * _STRIDE_SAMPLES
    frames = audio[starts + np.arange(_FRAME_SAMPLES)] / max(peak, 1)
    magnitudes = np.abs(np.fft.rfft(frames * _hann_window(), _FFT_SAMPLES))
    log_mel = np.log(magnitudes @ _mel_weights() + _LOG_OFFSET)
    coefficients = log_mel @ _cosines()
    coefficients[~frames.any(axis=1), 1:] = _SILENCE_RESIDUE
    return coefficients


def quantise(
    features: NDArray[np.float64],
    scale: float = INPUT_SCALE,
    zero_point: int = INPUT_ZERO_POINT,
) -> NDArray[np.int8]:
    """Return features as int8 of the same shape, by the scale and zero point of a model's input.

    Values are truncated towards zero, not rounded, and what int8 cannot hold wraps around: 129
    becomes -127, as in the official inputs, of which one of a loud clip has such values.
    """
    return np.trunc(features / scale + zero_point).astype(np.int64).astype(np.int8)


def dequantise(
    features: NDArray[np.int8],
    scale: float = INPUT_SCALE,
    zero_point: int = INPUT_ZERO_POINT,
) -> NDArray[np.float32]:
    """Return int8 features as the real values that a model with this input quantisation sees."""
    return ((features.astype(np.float64) - zero_point) * scale).astype(np.float32)


@cache
def _hann_window() -> NDArray[np.float64]:
    """Return the periodic Hann window of a frame."""
    phase = 2 * np.pi * np.arange(_FRAME_SAMPLES) / _FRAME_SAMPLES
    return 0.5 - 0.5 * np.cos(phase)


@cache
def _mel_weights() -> NDArray[np.float64]:
    """Return the 257 x 40 weights from FFT bins to mel bins: triangles on the HTK mel scale."""

    def mel(frequency_hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
        return 1127.0 * np.log1p(np.asarray(frequency_hz) / 700.0)

    bins = mel(np.linspace(0.0, SAMPLE_RATE_HZ / 2, _FFT_SAMPLES // 2 + 1))[:, np.newaxis]
    edges = np.linspace(mel(_MEL_LOW_HZ), mel(_MEL_HIGH_HZ), _MEL_BINS + 2)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    return np.maximum(
        0.0, np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    )


@cache
def _cosines() -> NDArray[np.float64]:
    """Return the 40 x 10 matrix of the type-2 cosine transform with HTK's scaling sqrt(2 / 40)."""
    angle = (
        np.pi * np.outer(2 * np.arange(_MEL_BINS) + 1, np.arange(COEFFICIENTS)) / (2 * _MEL_BINS)
    )
    return np.sqrt(2 / _MEL_BINS) * np.cos(angle)
