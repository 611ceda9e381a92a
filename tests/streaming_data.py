"""The public streaming data: sounds, golden features and outputs, and the reference model."""

import wave
from pathlib import Path

import numpy as np

TINY = "mlcommons/tiny/1afd2c9820f795965a6134facd0b4dfae41ef23f/benchmark"
SOUNDS = ("short_wav_easy10s", "marvin_617de221_0", "synth1s")


def model_path(shared_data: Path) -> Path:
    """Return the file of the reference model; raises FileNotFoundError."""
    folder = shared_data / "mirror" / TINY / "training" / "streaming_wakeword" / "trained_models"
    return (folder / "str_ww_ref_model.tflite").resolve(strict=True)


def model(shared_data: Path) -> bytes:
    """Return the reference model."""
    return model_path(shared_data).read_bytes()


def golden(shared_data: Path, name: str) -> np.ndarray:
    """Return golden vectors, such as synth1s_outputs_i8."""
    return np.load(shared_data / "streaming" / "golden" / f"{name}.npy")


def sound(shared_data: Path, name: str) -> np.ndarray:
    """Return one of `SOUNDS`, int16 at 16 kHz; of equal channels the first."""
    path = shared_data / "mirror" / TINY / "runner" / "sww_data_dir" / f"{name}.wav"
    if not path.exists():
        return golden(shared_data, f"{name}_i16").astype(np.int16)
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)[:, 0].copy()
