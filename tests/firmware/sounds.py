"""Sounds that try an implementation of features, and what the definition makes of them."""

from functools import cache

import numpy as np

SAMPLES = 48 * 512
FULL = 32767


@cache
def hostile() -> dict[str, np.ndarray]:
    """Return sounds of int16: loud and soft, tones and noise, silence, steps and single clicks."""
    rng = np.random.default_rng(7)
    n = np.arange(SAMPLES)
    noise = rng.normal(size=SAMPLES)
    fade = 10 ** np.linspace(-5, 0, SAMPLES)
    click = np.zeros(SAMPLES)
    click[::1700] = -32768
    made = {
        "silence": np.zeros(SAMPLES),
        "least": rng.integers(-1, 2, SAMPLES),
        "fading noise": fade * noise * 9000,
        "full-scale noise": rng.uniform(-32768, FULL, SAMPLES),
        "alternating": np.where(n % 2, FULL, -32768),
        "steps": np.where(n // 300 % 2, FULL, -32768),
        "sweep": FULL * np.sin(np.pi * 0.5 * n**2 / SAMPLES),
        "tone in a whisper": 20000 * np.sin(2 * np.pi * 1000 / 16000 * n) + noise,
        "clicks": click,
    }
    return {
        name: np.clip(np.round(sound), -32768, FULL).astype(np.int16)
        for name, sound in made.items()
    }


def defined(samples: np.ndarray, scale: float = 0.003701042616739869) -> np.ndarray:
    """Return the features (frames, 40) by their definition, in double precision; saturated.

    Ref: mlcommons/tiny, benchmark/training/streaming_wakeword, and the reference submission.
    """
    sound = np.concatenate([np.zeros(513), samples / 32768])
    emphasised = sound[1:] - (1 - 2**-5) * sound[:-1]
    frames = np.lib.stride_tricks.sliding_window_view(emphasised, 1024)[::512]
    hamming = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    power = np.abs(np.fft.rfft(frames * hamming)) ** 2 / 1024

    mel = 1127 * np.log(1 + np.arange(513) * 8000 / 512 / 700)
    peaks = np.linspace(0, mel[-1], 42)
    low, middle, high = (peaks[i : i + 40, np.newaxis] for i in range(3))
    weights = np.minimum((mel - low) / (middle - low), (high - mel) / (high - middle)).clip(0)
    weights[:, 0] = 0

    decibels = 10 * np.log10(np.maximum(power @ weights.T, 1e-30))
    steps = np.trunc(((decibels + 52) / 64).clip(0, 1) / scale - 128)
    return steps.clip(-128, 127).astype(int)
