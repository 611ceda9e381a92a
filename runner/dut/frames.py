"""Frames of the fast link: how messages become bytes on the line, and back.

Ref: docs/link.md. A frame is kind, upload, number, length, payload and CRC-32, COBS-encoded, so
that it has no zero byte, and ended by one: after any damage the next zero is a fresh start.
"""

import re
import struct
import zlib
from typing import NamedTuple

VERSION = 1

# Host to DUT.
DATA = 0x01
INFER = 0x02
LEAVE = 0x03
SLIDE = 0x04
PATCH = 0x05
# DUT to host.
ACK = 0x81
RESULT = 0x82
REFUSED = 0x83
PATCHED = 0x84

# Why an INFER was refused: the first byte of REFUSED's payload; an int32 of detail follows.
INCOMPLETE = 1
OTHER_INPUT = 2
BAD_COUNT = 3
ENGINE_FAILED = 4
NO_PLACE = 5
SECOND_CORE_SILENT = -20000
"""With ENGINE_FAILED. Ref: firmware/core/second_core.h."""

LONG_RUN_B = 254
"""A run of this length has a code that no zero follows."""
MANY_ZEROS = 64
"""From which on a run at a time is not the quickest way."""
_RUN = re.compile(rb"[^\0]+")
_CODES = tuple(bytes([length + 1]) for length in range(LONG_RUN_B))
_HEAD = struct.Struct("<BBHH")
_CRC = struct.Struct("<I")
OVERHEAD_B = _HEAD.size + _CRC.size + 1
"""Bytes of a frame besides its payload; the code words of COBS, one in 254 bytes, come on top."""


class Frame(NamedTuple):
    """One message."""

    kind: int
    upload: int
    """Number of the upload it belongs to, 0..255."""
    number: int
    """DATA: place in the input; SLIDE: upload it goes on from; ACK: frames received without a gap;
    PATCH: of the constant; else: of the request."""
    payload: bytes = b""


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame, its closing zero included."""
    kind, upload, number, payload = frame
    body = _HEAD.pack(kind, upload, number, len(payload)) + payload
    return _stuffed(body + _CRC.pack(zlib.crc32(body))) + b"\0"


def decode(block: bytes) -> Frame | None:
    """Return the frame in what came between two zero bytes, or None where it is damaged."""
    body = _unstuffed(block)
    if body is None or len(body) < _HEAD.size + _CRC.size:
        return None
    kind, upload, number, length = _HEAD.unpack_from(body)
    payload = body[_HEAD.size : -_CRC.size]
    if length != len(payload) or body[-_CRC.size :] != _CRC.pack(zlib.crc32(body[: -_CRC.size])):
        return None
    return Frame(kind, upload, number, payload)


def _stuffed(data: bytes) -> bytes:
    """Return COBS of `data`: each run of up to 254 bytes after a code, zeros left out.

    Ref: Cheshire and Baker, "Consistent Overhead Byte Stuffing", 1999.
    """
    if data.count(0) < MANY_ZEROS:
        return b"".join(map(_piece, data.split(b"\0")))
    # Most runs are empty: their codes stand where the zeros were.
    out, shift = bytearray(b"\1" + data.replace(b"\0", b"\1")), 0
    for match in _RUN.finditer(data):
        piece = _piece(match[0])
        out[match.start() + shift : match.end() + 1 + shift] = piece
        shift += len(piece) - 1 - len(match[0])
    return bytes(out)


def _piece(run: bytes) -> bytes:
    """Return COBS of a run without a zero."""
    if len(run) < LONG_RUN_B:
        return _CODES[len(run)] + run
    return b"\xff" + run[:LONG_RUN_B] + _piece(run[LONG_RUN_B:])


def _unstuffed(block: bytes) -> bytes | None:
    """Undo `_stuffed`; None where no data could have given these bytes."""
    out = bytearray(block)
    at = 0
    while at < len(block):
        code = block[at]
        if code in (0, 255):
            return _unstuffed_pieces(block) if code else None
        out[at] = 0
        at += code
    return bytes(out[1:]) if at == len(block) else None


def _unstuffed_pieces(block: bytes) -> bytes | None:
    """Undo `_stuffed` where a run is so long that no zero follows its pieces."""
    out = bytearray()
    at = 0
    while at < len(block):
        code = block[at]
        run = block[at + 1 : at + code]
        if code == 0 or len(run) != code - 1:
            return None
        out += run
        at += code
        if code < 255 and at < len(block):
            out.append(0)
    return bytes(out)
