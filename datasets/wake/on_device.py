"""Features of a stream of sound for a wake word: what the firmware computes, by its own C.

firmware/audio is built for this computer once, and kept in the cache.
"""

import ctypes
import hashlib
import subprocess
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinybench.cache import cache_folder
from tinybench.errors import BuildError, DatasetError, ToolMissingError
from tinybench.program import ask
from tinybench.scratch import scratch

from .features import HOP_SAMPLES, INPUT_SCALE, INPUT_ZERO_POINT, MEL_BINS

SAMPLES_MAX = 1 << 30
MICRO_HOP_SAMPLES = 160

BUILD_TIMEOUT_S = 60
FLAGS = ("-std=c11", "-O2", "-shared", "-fPIC")


class Features(NamedTuple):
    """Features of a stream."""

    values: NDArray[np.int8]
    """(frames, 40); frame k ends with its hop, number k of 512 samples, and its window begins 1024
    samples before that end."""
    outside: int
    """How many values were beyond int8, and saturated or wrapped."""


def features(
    samples: NDArray[np.int16],
    scale: float = INPUT_SCALE,
    zero_point: int = INPUT_ZERO_POINT,
    *,
    wraps: bool = False,
    fixed: bool = False,
) -> Features:
    """Return the features of sound at 16 kHz; samples behind the last whole hop are left out.

    `wraps`: values beyond int8 go around, as in the reference firmware. `fixed`: as a core without
    a floating-point unit computes them.
    Raises DatasetError for other sound, BuildError, ToolMissingError.
    """
    sound, values = _hops(samples, HOP_SAMPLES)
    outside = _library(fixed).log_mel_all(
        _pointer(sound), len(values), scale, zero_point, wraps, _pointer(values)
    )
    return Features(values, outside)


def micro(samples: NDArray[np.int16], *, fixed: bool = False) -> Features:
    """Return the features of sound at 16 kHz as microWakeWord's models take them: a frame each 160
    samples, of a window of 480; -128 until there is a whole one.

    What is beyond int8 is saturated. `fixed` and what it raises: as `features`.
    """
    sound, values = _hops(samples, MICRO_HOP_SAMPLES)
    return Features(
        values, _library(fixed).micro_all(_pointer(sound), len(values), _pointer(values))
    )


def _hops(
    samples: NDArray[np.int16], hop_samples: int
) -> tuple[NDArray[np.int16], NDArray[np.int8]]:
    """Return the whole hops of sound, and where their features go. Raises DatasetError."""
    if samples.ndim != 1 or samples.dtype != np.int16 or len(samples) > SAMPLES_MAX:
        raise DatasetError(
            f"sound for a wake word must be one channel of int16, at most {SAMPLES_MAX} samples; "
            f"this is {samples.dtype} of the shape {samples.shape}: take one channel, at 16 kHz"
        )
    hops = len(samples) // hop_samples
    sound = np.ascontiguousarray(samples[: hops * hop_samples])
    return sound, np.empty((hops, MEL_BINS), np.int8)


def _pointer(values: NDArray[np.int16] | NDArray[np.int8]) -> ctypes.c_void_p:
    return values.ctypes.data_as(ctypes.c_void_p)


@cache
def _library(fixed: bool) -> ctypes.CDLL:
    folder = Path(str(files("tinybench.firmware"))) / "audio"
    flags = [*FLAGS, *(["-DTB_AUDIO_FIXED"] if fixed else [])]
    digest = hashlib.sha256(" ".join(flags).encode())
    for path in sorted(folder.glob("*.[ch]")):
        digest.update(path.read_bytes())
    kept = cache_folder() / "audio"
    library = kept / f"log-mel-{digest.hexdigest()[:16]}.so"
    if not library.is_file():
        try:
            kept.mkdir(parents=True, exist_ok=True)
            with scratch(kept, ".build-") as work:
                made = work / "made.so"
                _compile([*flags, *map(str, sorted(folder.glob("*.c"))), "-o", str(made)])
                made.replace(library)  # at once: another run may read it
        except OSError as error:
            raise BuildError(f"cannot build the features of sound in {kept}: {error}") from error
    loaded = ctypes.CDLL(str(library))
    loaded.log_mel_all.restype = ctypes.c_uint32
    loaded.log_mel_all.argtypes = (
        *(ctypes.c_void_p, ctypes.c_uint32, ctypes.c_float, ctypes.c_int32, ctypes.c_bool),
        ctypes.c_void_p,
    )
    loaded.micro_all.restype = ctypes.c_uint32
    loaded.micro_all.argtypes = (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)
    return loaded


def _compile(arguments: list[str]) -> None:
    try:
        done = ask(["gcc", *arguments], BUILD_TIMEOUT_S)
    except FileNotFoundError:
        raise ToolMissingError(
            "cannot build the features of sound: 'gcc' is not installed or not on PATH; install it "
            "with: sudo apt-get install gcc"
        ) from None
    except subprocess.TimeoutExpired:
        raise BuildError(f"the features of sound were not built in {BUILD_TIMEOUT_S} s") from None
    if done.status != 0:
        raise BuildError(f"the features of sound do not build: {done.err.strip()[-500:]}")
