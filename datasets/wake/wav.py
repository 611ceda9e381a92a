"""Wav files of recordings: 16-bit PCM at 16 kHz, one channel or two that are equal."""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import DatasetError
from tinybench.files import read_bytes

from .features import SAMPLE_RATE_HZ

FILE_MOST_B = 256 << 20
"""More than an hour of two channels; the official recording has 73 MiB."""
_CHUNKS_MOST = 64
_PCM = 1
_FORMAT = struct.Struct("<HHIIHH")
_CHUNK = struct.Struct("<4sI")
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_KINDS = {3: "floats", 6: "A-law", 7: "µ-law", 0x11: "IMA ADPCM", 0xFFFE: "an extensible format"}
ADVICE = "convert it, such as with: sox IN -r 16000 -b 16 -c 1 OUT.wav"


def read_wav_file(path: Path) -> NDArray[np.int16]:
    """Return the samples of one channel of a file; raises DatasetError."""
    try:
        raw = read_bytes(path, FILE_MOST_B)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    return read_wav(raw, str(path))


def read_wav(raw: bytes, where: str) -> NDArray[np.int16]:
    """Return the samples of one channel of a wav file; `where` names it in messages.

    Raises DatasetError for another rate or size of samples, for channels that differ, and for what
    is cut short or damaged.
    """
    if raw[:4] != b"RIFF" or raw[8:12] != b"WAVE":
        raise DatasetError(f"{where}: not a wav file: it begins with {raw[:12]!r}; {ADVICE}")
    channels: int | None = None
    at = 12
    for _ in range(_CHUNKS_MOST):
        if len(raw) - at < _CHUNK.size:
            break
        name, size_b = _CHUNK.unpack_from(raw, at)
        at += _CHUNK.size
        if name == b"fmt " and channels is None:
            channels = _channels(raw[at : at + size_b], where)
        elif name == b"data":
            if channels is None:
                raise DatasetError(f"{where}: its samples come before their format; {ADVICE}")
            return _samples(raw, at, size_b, channels, where)
        at += size_b + size_b % 2
    raise DatasetError(
        f"{where}: there are no samples in its {len(raw)} bytes: it was cut short, or is no "
        f"recording; copy or make it again, or {ADVICE}"
    )


def write_wav(samples: NDArray[np.int16]) -> bytes:
    """Return a wav file as an interface board plays it: a plain header, two equal channels."""
    data = np.repeat(samples.astype("<i2"), 2).tobytes()
    block_b = 4
    return (
        _HEADER.pack(
            b"RIFF", _HEADER.size - 8 + len(data), b"WAVE",
            b"fmt ", _FORMAT.size, _PCM, 2, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ * block_b, block_b, 16,
            b"data", len(data),
        )
        + data
    )  # fmt: skip


def _channels(raw: bytes, where: str) -> int:
    """Return how many channels there are, of a format that can be read."""
    if len(raw) < _FORMAT.size:
        raise DatasetError(f"{where}: its format has {len(raw)} bytes, wanted {_FORMAT.size}")
    kind, channels, rate_hz, _, block_b, bits = _FORMAT.unpack_from(raw)
    if kind != _PCM:
        name = _KINDS.get(kind, f"format 0x{kind:04x}")
        raise DatasetError(f"{where}: its samples are {name}, wanted 16-bit PCM; {ADVICE}")
    if rate_hz != SAMPLE_RATE_HZ:
        raise DatasetError(f"{where}: {rate_hz} samples a second, wanted 16000; {ADVICE}")
    if bits != 16:
        raise DatasetError(f"{where}: {bits} bits a sample, wanted 16; {ADVICE}")
    if channels not in (1, 2):
        raise DatasetError(f"{where}: {channels} channels, wanted one, or two that are equal")
    if block_b != 2 * channels:
        raise DatasetError(
            f"{where}: {block_b} bytes for each of {channels} channels of 16 bits: its header is "
            f"damaged; {ADVICE}"
        )
    return channels


def _samples(raw: bytes, at: int, size_b: int, channels: int, where: str) -> NDArray[np.int16]:
    there_b = len(raw) - at
    if size_b > there_b or size_b % (2 * channels):
        raise DatasetError(
            f"{where}: its header says {size_b} bytes of samples, and {there_b} are there: it was "
            "cut short, or its writing never ended; copy or make it again"
        )
    samples = np.frombuffer(raw, "<i2", size_b // 2, at).astype(np.int16)
    if channels == 1:
        return samples
    left, right = samples[::2], samples[1::2]
    differing = int((left != right).sum())
    if differing:
        raise DatasetError(
            f"{where}: its two channels differ in {differing} of {len(left)} samples; wanted one "
            f"channel, or two that are equal; {ADVICE}"
        )
    return left.copy()
