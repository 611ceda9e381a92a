"""Write PNG pictures of every kind that can be read, filter by filter."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, body: bytes) -> bytes:
    """Return a chunk with its checksum."""
    check = zlib.crc32(name + body).to_bytes(4, "big")
    return len(body).to_bytes(4, "big") + name + body + check


def png(
    values: NDArray[np.uint8],
    colour: int,
    *,
    depth: int = 8,
    filters: tuple[int, ...] = (0,),
    more: bytes = b"",
    interlaced: int = 0,
) -> bytes:
    """Return a picture of values [height][width][channels]; `filters` go round row by row.

    `more` are chunks before those of the picture.
    """
    high, wide, channels = values.shape
    pixel_b = max(1, channels * depth // 8)
    rows, above = b"", np.zeros(-(-wide * channels * depth // 8), np.uint8)
    for number, row in enumerate(values.reshape(high, -1)):
        bits = np.unpackbits(row[:, np.newaxis], axis=1)[:, 8 - depth :]
        line = np.packbits(bits.reshape(-1))
        kind = filters[number % len(filters)]
        rows += bytes([kind]) + _filtered(kind, line, above, pixel_b)
        above = line
    header = struct.pack(">IIBBBBB", wide, high, depth, colour, 0, 0, interlaced)
    packed = zlib.compress(rows)
    half = len(packed) // 2
    parts = chunk(b"IDAT", packed[:half]) + chunk(b"IDAT", packed[half:])
    return SIGNATURE + chunk(b"IHDR", header) + more + parts + chunk(b"IEND", b"")


def _filtered(kind: int, line: NDArray[np.uint8], above: NDArray[np.uint8], pixel_b: int) -> bytes:
    found = bytearray()
    for i, value in enumerate(line.tolist()):
        up = int(above[i])
        left, before = (int(end[i - pixel_b]) if i >= pixel_b else 0 for end in (line, above))
        apart = {abs(left + up - before - each): each for each in (before, up, left)}
        guess = (0, left, up, (left + up) // 2, apart[min(apart)])[kind]
        found.append((value - guess) % 256)
    return bytes(found)
