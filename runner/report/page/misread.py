"""Inputs as pictures: what a model saw where it was wrong, a photograph or a spectrogram."""

import base64
import csv
import hashlib
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import TinybenchError
from tinybench.files import DOCUMENT_MOST_B, read_bytes

from ...build.inputs import resolve
from ...build.task import Task, names
from ...results.names import INPUTS_FILE

MOST = 8
"""Pictures of a page."""
SPECTROGRAM = (49, 10)
"""Frames and coefficients of keyword spotting, as `kws` has them."""


class Drawn(NamedTuple):
    """A picture in a page."""

    address: str
    """`data:`, a PNG."""
    alt: str


def pictures(wanted: Sequence[str], task: Task | None, folder: Path) -> dict[str, Drawn]:
    """Return the first inputs that are wanted, as pictures, by their names.

    Only bytes with the hash that the run folder has of them are shown. Nothing where the task is
    the user's own, or its inputs are no pictures or not at hand.
    """
    shape = None if task is None or task.name not in names() else _shape(task)
    if task is None or shape is None:
        return {}
    try:
        raw = read_bytes(folder / INPUTS_FILE, DOCUMENT_MOST_B, links=False).decode()
        hashes = {row[0]: row[2] for row in csv.reader(raw.splitlines()) if len(row) >= 3}
        samples = {sample.name: sample for sample in resolve(task).samples.samples}
    except (TinybenchError, OSError, ValueError, csv.Error):
        return {}
    drawn: dict[str, Drawn] = {}
    for name in wanted:
        sample = samples.get(name)
        if len(drawn) == MOST or sample is None:
            continue
        try:
            data = sample.read()
        except (TinybenchError, OSError):
            continue
        if hashlib.sha256(data).hexdigest() == hashes.get(name) and len(data) == task.input_b:
            png = base64.b64encode(_png(_pixels(data, shape))).decode()
            what = "spectrogram" if shape == SPECTROGRAM else "picture"
            drawn[name] = Drawn(f"data:image/png;base64,{png}", f"{what} of {name}")
    return drawn


def _shape(task: Task) -> tuple[int, ...] | None:
    """Return what the bytes of a packaged task's input are; None where they are no picture."""
    if task.name == "kws":
        return SPECTROGRAM
    side = round((task.input_b / 3) ** 0.5)
    return (side, side, 3) if 3 * side * side == task.input_b else None


def _pixels(data: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return pixels: a photograph as it is, a spectrogram in grey, time to the right."""
    if len(shape) == 3:
        return np.frombuffer(data, np.uint8).reshape(shape)
    values = np.frombuffer(data, np.int8).reshape(shape).T[::-1].astype(float)
    low, high = values.min(), values.max()
    return ((values - low) * (255 / max(1.0, high - low))).astype(np.uint8)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """Return a PNG of 8 bits, grey or colour. Ref: W3C PNG, 5 and 11.2."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)

    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b""))
    )
