"""The official features of a streaming wake word: log-mel energies, 40 values each 32 ms, in int8.

Equal to the public firmware's, which has them in float32: a window of 1024 samples that slides by
512 and begins with 512 zeros, so that frame k ends with sample 512 (k + 1).

Ref: mlcommons/tiny, benchmark/training/streaming_wakeword (get_dataset.py) and the firmware's
sww_ref_util_submitter.c; TensorFlow, tf.signal (linear_to_mel_weight_matrix).
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import DatasetError

SAMPLE_RATE_HZ = 16_000
HOP_SAMPLES = 512
MEL_BINS = 40
HISTORY_FRAMES = 30
"""Frames that the model sees at once; the oldest is its first row."""

# Input quantisation of the public str_ww_ref_model.tflite.
INPUT_SCALE = float(np.float32(0.003701042616739869))
INPUT_ZERO_POINT = -128

_FFT_SAMPLES = 1024
_PREEMPHASIS = np.float32(1 - 2**-5)
_HIGH_HZ = 8000.0
_FLOOR = np.float32(1e-30)
_FLOOR_DB, _RANGE_DB = np.float32(52), np.float32(64)
_FRAMES_AT_ONCE = 2048
"""Of 8 KiB each: a recording of any length takes the memory of few frames."""
_ROWS = 64
"""Frames of one product of matrices, always as many: how a library adds up hangs on their number,
and a frame is the same whatever comes with it."""


def log_mel(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return the frames, (n // 512, 40) within 0..1, of n samples at 16 kHz.

    Raises DatasetError for anything but one channel of int16.
    """
    if samples.ndim != 1 or samples.dtype != np.int16:
        raise DatasetError(
            f"audio for a wake word is one channel of int16, this is {samples.dtype} of shape "
            f"{samples.shape}: take one channel, at 16 kHz"
        )
    sound = samples.astype(np.float32) / np.float32(32768)
    emphasised = np.zeros(HOP_SAMPLES + len(sound), np.float32)
    emphasised[HOP_SAMPLES:] = sound
    emphasised[HOP_SAMPLES + 1 :] -= _PREEMPHASIS * sound[:-1]
    count = len(sound) // HOP_SAMPLES
    frames = np.zeros((count, MEL_BINS), np.float32)
    for first in range(0, count, _FRAMES_AT_ONCE):
        last = min(first + _FRAMES_AT_ONCE, count)
        part = emphasised[first * HOP_SAMPLES : (last + 1) * HOP_SAMPLES]
        windows = np.lib.stride_tricks.sliding_window_view(part, _FFT_SAMPLES)[::HOP_SAMPLES]
        spectra = np.fft.rfft(windows * _hamming()).astype(np.complex64)
        power = (spectra.real**2 + spectra.imag**2) / np.float32(_FFT_SAMPLES)
        filled = np.pad(power, ((0, -len(power) % _ROWS), (0, 0))).reshape(
            -1, _ROWS, power.shape[1]
        )
        energies = (filled @ _mel_filters()).reshape(-1, MEL_BINS)[: len(power)]
        energy_db = 10 * np.log10(np.maximum(energies, _FLOOR))
        frames[first:last] = np.clip((energy_db + _FLOOR_DB) / _RANGE_DB, 0, 1)
    return frames


def quantise(frames: NDArray[np.float32]) -> NDArray[np.int8]:
    """Return frames as the model takes them: truncated as the public firmware does, and saturated.

    The public firmware wraps around what is above 127; see `saturated`.
    """
    return np.clip(_steps(frames), -128, 127).astype(np.int8)


def saturated(frames: NDArray[np.float32]) -> int:
    """Return how many values are above what int8 holds; the public firmware wraps them around."""
    return int((_steps(frames) > 127).sum())


def histories(frames: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return what the model sees after each frame, (n, 30, 40), without copying the frames.

    The history begins as the public firmware's does, with int8 0 throughout.
    """
    padded = np.concatenate([np.zeros((HISTORY_FRAMES - 1, MEL_BINS), np.int8), frames])
    seen = np.lib.stride_tricks.sliding_window_view(padded, HISTORY_FRAMES, axis=0)
    return seen.transpose(0, 2, 1)


def _steps(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.trunc(frames / np.float32(INPUT_SCALE) + np.float32(INPUT_ZERO_POINT))


@cache
def _hamming() -> NDArray[np.float32]:
    """Return the periodic window."""
    turns = np.arange(_FFT_SAMPLES) / _FFT_SAMPLES
    return (0.54 - 0.46 * np.cos(2 * np.pi * turns)).astype(np.float32)


@cache
def _mel_filters() -> NDArray[np.float32]:
    """Return the filters, (513, 40): triangles in mel over 0 to 8 kHz; bin 0 has no weight."""
    bins = np.arange(_FFT_SAMPLES // 2 + 1)
    mel = 1127 * np.log1p(bins * SAMPLE_RATE_HZ / _FFT_SAMPLES / 700)
    edges = np.linspace(0, 1127 * np.log1p(_HIGH_HZ / 700), MEL_BINS + 2)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (mel[:, np.newaxis] - low) / (centre - low)
    falling = (high - mel[:, np.newaxis]) / (high - centre)
    filters = np.maximum(0, np.minimum(rising, falling))
    filters[0] = 0
    return filters.astype(np.float32)
