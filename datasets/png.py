"""Read PNG pictures, of 8 bits a value or fewer, without a library."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import DatasetError

SIDE_MOST_PX = 8192
PIXELS_MOST = 1 << 22
ADVICE = "convert it, such as with: magick IN -interlace none -depth 8 -alpha off OUT.png"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK = struct.Struct(">I4s")
_HEADER = struct.Struct(">IIBBBBB")
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Of each type of colour: grey, RGB, a palette, and the first two with opacity."""
_PALETTE, _OPAQUE = 3, 255
_NONE, _SUB, _UP, _AVERAGE, _PAETH = range(5)


def read_png(raw: bytes, where: str) -> NDArray[np.uint8]:
    """Return a picture as (height, width, channels): 1 of grey, or 3 of RGB.

    `where` names it in messages. Raises DatasetError for what is no PNG, is damaged, interlaced, of
    16 bits a value, or not opaque.

    Ref: W3C, Portable Network Graphics, 3rd edition: 5 (chunks), 9 (filters), 11.2 (critical ones).
    """
    if not raw.startswith(_SIGNATURE):
        raise DatasetError(f"{where}: no PNG picture: it begins with {raw[:8]!r}; {ADVICE}")
    header, chunks, at = None, dict[bytes, bytes](), len(_SIGNATURE)
    while at + _CHUNK.size <= len(raw) and b"IEND" not in chunks:
        size_b, name = _CHUNK.unpack_from(raw, at)
        body = raw[at + _CHUNK.size : at + _CHUNK.size + size_b]
        at += _CHUNK.size + size_b
        if zlib.crc32(name + body) != int.from_bytes(raw[at : at + 4], "big"):
            break
        at += 4
        if name == b"IHDR" and size_b == _HEADER.size:
            header = _HEADER.unpack(body)
        chunks[name] = chunks.get(name, b"") + body
    if header is None or b"IEND" not in chunks:
        raise DatasetError(f"{where}: a damaged PNG picture, or half of one; copy it again")
    width, height, depth, colour, *_, interlaced = header
    if max(width, height) > SIDE_MOST_PX or width * height > PIXELS_MOST or not width * height:
        raise DatasetError(f"{where}: {width}x{height} pixels; make it smaller before")
    if interlaced or depth not in (1, 2, 4, 8) or colour not in _CHANNELS:
        kind = "interlaced" if interlaced else f"of {depth} bits a value, colour type {colour}"
        raise DatasetError(f"{where}: a PNG picture that is {kind} is not read; {ADVICE}")
    channels = _CHANNELS[colour]
    values = _values(chunks.get(b"IDAT", b""), (height, width, channels), depth, where)
    if colour == _PALETTE:
        palette = np.frombuffer(chunks.get(b"PLTE", b""), np.uint8)
        if palette.size % 3 or values.max() >= palette.size // 3:
            raise DatasetError(f"{where}: a PNG picture whose palette lacks a colour; {ADVICE}")
        values = palette.reshape(-1, 3)[values[..., 0]]
    else:
        values = values * (_OPAQUE // ((1 << depth) - 1))
    if b"tRNS" in chunks or (channels in (2, 4) and (values[..., -1] < _OPAQUE).any()):
        raise DatasetError(f"{where}: parts of it are transparent; {ADVICE}")
    return values[..., :-1] if channels in (2, 4) else values


def _values(
    packed: bytes, shape: tuple[int, int, int], depth: int, where: str
) -> NDArray[np.uint8]:
    """Return the values of a picture, each of so many bits."""
    height, width, channels = shape
    row_b = -(-width * channels * depth // 8)
    wanted_b = height * (1 + row_b)
    try:
        plain = zlib.decompressobj().decompress(packed, wanted_b)
    except zlib.error as error:
        raise DatasetError(f"{where}: a damaged PNG picture: {error}; copy it again") from error
    if len(plain) != wanted_b:
        raise DatasetError(f"{where}: half of a PNG picture; copy it again")
    filtered = np.frombuffer(plain, np.uint8).reshape(height, 1 + row_b)
    pixel_b = max(1, channels * depth // 8)
    rows, above = np.zeros((height, row_b), np.uint8), np.zeros(row_b, np.uint8)
    for row, (kind, *_), line in zip(rows, filtered[:, :1], filtered[:, 1:], strict=True):
        row[:] = _unfiltered(int(kind), line, above, pixel_b, where)
        above = row
    if depth == 8:
        return rows.reshape(shape)
    bits = np.unpackbits(rows, axis=1)[:, : width * channels * depth]
    weights = (1 << np.arange(depth)[::-1]).astype(np.uint8)
    return (bits.reshape(*shape, depth) @ weights).astype(np.uint8)


def _unfiltered(
    kind: int, line: NDArray[np.uint8], above: NDArray[np.uint8], pixel_b: int, where: str
) -> NDArray[np.uint8]:
    """Return a row from its differences to what is left of it and above it, modulo 256."""
    if kind == _NONE:
        return line
    if kind == _SUB:
        padded = np.pad(line, (0, -len(line) % pixel_b)).reshape(-1, pixel_b)
        return np.cumsum(padded, axis=0, dtype=np.uint8).reshape(-1)[: len(line)]
    if kind == _UP:
        return line + above
    if kind not in (_AVERAGE, _PAETH):
        raise DatasetError(f"{where}: a damaged PNG picture: filter {kind}; copy it again")
    found, upper = bytearray(line), above.tolist()
    for i in range(len(found)):
        left = found[i - pixel_b] if i >= pixel_b else 0
        if kind == _AVERAGE:
            guess = (left + upper[i]) // 2
        else:
            guess = _paeth(left, upper[i], upper[i - pixel_b] if i >= pixel_b else 0)
        found[i] = (found[i] + guess) % 256
    return np.frombuffer(found, np.uint8)


def _paeth(left: int, above: int, before: int) -> int:
    """Return which of three neighbours is nearest to left + above - before."""
    wanted = left + above - before
    return min((left, above, before), key=lambda each: abs(wanted - each))
