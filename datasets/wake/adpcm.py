"""IMA ADPCM: 16-bit audio in 4 bits a sample, as wav files have it, blocks of 505 samples.

Ref: IMA Digital Audio Focus and Technical Working Groups, "Recommended Practices for Enhancing
Digital Audio Compatibility in Multimedia Systems", 1992; Microsoft, "Multimedia Data Standards
Update", 1994 (WAVE_FORMAT_IMA_ADPCM).
"""

import struct
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import DatasetError

from .features import SAMPLE_RATE_HZ

BLOCK_B, BLOCK_SAMPLES = 256, 505
"""Four bytes with the first sample and its step, then two samples a byte, the low half first."""
_FORMAT = 0x11
_HEADER = struct.Struct("<4sI4s4sIHHIIHHHH4sII4sI")

_STEPS = np.array([
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66,
    73, 80, 88, 97, 107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449,
    494, 544, 598, 658, 724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272,
    2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493, 10442,
    11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
], np.int64)  # fmt: skip
_MOVES = np.array([-1, -1, -1, -1, 2, 4, 6, 8], np.int64)


def write_wav(samples: NDArray[np.int16]) -> bytes:
    """Return one channel at 16 kHz as a wav file of IMA ADPCM; the end of a block is silence."""
    blocks = -(-len(samples) // BLOCK_SAMPLES)
    padded = np.zeros((blocks, BLOCK_SAMPLES), np.int64)
    padded.ravel()[: len(samples)] = samples
    value = padded[:, 0].copy()
    # The step that a block begins with is that of its first difference.
    first = np.abs(padded[:, 1] - padded[:, 0])
    index = np.minimum(np.searchsorted(_STEPS, first), len(_STEPS) - 1)
    data = np.zeros((blocks, BLOCK_B), np.uint8)
    data[:, :2] = value.astype("<i2").view(np.uint8).reshape(-1, 2)
    data[:, 2] = index
    for at in range(1, BLOCK_SAMPLES):
        difference = padded[:, at] - value
        step = _STEPS[index]
        code = np.minimum((np.abs(difference) << 2) // step, 7) + 8 * (difference < 0)
        value, index = _next(value, index, code)
        byte, shift = 4 + (at - 1) // 2, 4 * ((at - 1) % 2)
        data[:, byte] |= (code << shift).astype(np.uint8)
    rate_b = SAMPLE_RATE_HZ * BLOCK_B // BLOCK_SAMPLES
    header = _HEADER.pack(
        b"RIFF", _HEADER.size - 8 + data.size, b"WAVE",
        b"fmt ", 20, _FORMAT, 1, SAMPLE_RATE_HZ, rate_b, BLOCK_B, 4, 2, BLOCK_SAMPLES,
        b"fact", 4, len(samples),
        b"data", data.size,
    )  # fmt: skip
    return header + data.tobytes()


def read_wav(raw: bytes, where: str) -> NDArray[np.int16]:
    """Return the samples of a file as `write_wav` writes it; raises DatasetError for any other."""
    return read_wavs({where: raw})[where]


def read_wavs(files: Mapping[str, bytes]) -> dict[str, NDArray[np.int16]]:
    """Return the samples of files by their names; raises as `read_wav` does."""
    blocks = {name: _blocks(raw, name) for name, raw in files.items()}
    data = np.concatenate([data for data, _ in blocks.values()])
    value = data[:, :2].copy().view("<i2").ravel().astype(np.int64)
    index = np.minimum(data[:, 2].astype(np.int64), len(_STEPS) - 1)
    samples = np.zeros((len(data), BLOCK_SAMPLES), np.int16)
    samples[:, 0] = value
    for at in range(1, BLOCK_SAMPLES):  # of all blocks at once
        byte, shift = 4 + (at - 1) // 2, 4 * ((at - 1) % 2)
        value, index = _next(value, index, (data[:, byte].astype(np.int64) >> shift) & 15)
        samples[:, at] = value
    found, first = {}, 0
    for name, (own, count) in blocks.items():
        found[name] = samples[first : first + len(own)].ravel()[:count]
        first += len(own)
    return found


def _blocks(raw: bytes, where: str) -> tuple[NDArray[np.uint8], int]:
    """Return the blocks of a file, (blocks, 256), and how many samples are in them."""
    if len(raw) < _HEADER.size:
        raise DatasetError(f"{where}: {len(raw)} bytes are no wav file")
    fields = _HEADER.unpack_from(raw)
    count, data_b = fields[15], fields[17]
    wanted = (b"RIFF", b"WAVE", b"fmt ", _FORMAT, 1, SAMPLE_RATE_HZ, BLOCK_B, b"fact", b"data")
    found = (*(fields[at] for at in (0, 2, 3, 5, 6, 7, 9)), fields[13], fields[16])
    if found != wanted or data_b != len(raw) - _HEADER.size or data_b % BLOCK_B:
        raise DatasetError(
            f"{where}: not one channel of IMA ADPCM at {SAMPLE_RATE_HZ} Hz in blocks of {BLOCK_B} "
            "bytes; if it is the package's, install tinybench again"
        )
    data = np.frombuffer(raw, np.uint8, offset=_HEADER.size).reshape(-1, BLOCK_B)
    if len(data) != -(-count // BLOCK_SAMPLES):
        raise DatasetError(f"{where}: {count} samples in {len(data)} blocks of {BLOCK_SAMPLES}")
    return data, count


def _next(
    value: NDArray[np.int64], index: NDArray[np.int64], code: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return samples and steps after a code, of all blocks at once."""
    step = _STEPS[index]
    size = (step >> 3) + ((code >> 2) & 1) * step + ((code >> 1) & 1) * (step >> 1)
    size += (code & 1) * (step >> 2)
    value = np.clip(value + np.where(code & 8, -size, size), -32768, 32767)
    return value, np.clip(index + _MOVES[code & 7], 0, len(_STEPS) - 1)
