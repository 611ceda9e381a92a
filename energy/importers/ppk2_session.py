"""Import a session that Nordic's Power Profiler saved (.ppk2).

Ref: pc-nrfconnect-ppk, format version 2: a zip of metadata.json and session.raw, in it of each
sample a float32 of uA and 16 bits, two for each input from the lowest on: 1 low, 2 high, 3 both
within the sample, 0 not sampled; all little-endian.
"""

import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated

import msgspec
import numpy as np

from tinybench.errors import TraceError
from tinybench.files import ZIP_FAULTS, open_zip
from tinybench.read import read_json

from ..trace import Trace, TraceHead, memory_trace
from .levels import BOTH, HIGH, LOW, NONE, Levels, choose_sampled

SAMPLE = np.dtype([("current_ua", "<f4"), ("bits", "<u2")])
RAW_MAX_B = 2 << 30
"""An hour at 100 kS/s; an archive can claim any size."""
METADATA_MAX_B = 1 << 20
PIECE_B = SAMPLE.itemsize << 18
FORMATS = (1, 2)
LEVELS = np.array([NONE, LOW, HIGH, BOTH], np.int8)


class _Metadata(msgspec.Struct):
    samplesPerSecond: Annotated[float, msgspec.Meta(gt=0, le=1e7)]  # noqa: N815  as in the file
    startSystemTime: float | None = None  # noqa: N815


class _Session(msgspec.Struct):
    metadata: _Metadata
    formatVersion: int = 2  # noqa: N815


def read_session(
    path: Path, *, voltage_v: float | None = None, channel: str | None = None
) -> Trace:
    """Open a session; its samples go through a temporary file, not into memory.

    Raises TraceError: no such archive, damaged, too large; UsageError when several inputs change
    and `channel` names none.
    """
    try:
        with open_zip(path) as archive:
            metadata = _metadata(path, archive)
            raw = _entry(path, archive, "session.raw", RAW_MAX_B)
            if raw.file_size % SAMPLE.itemsize or raw.file_size < 2 * SAMPLE.itemsize:
                raise TraceError(
                    f"{path}: session.raw has {raw.file_size} bytes, of {SAMPLE.itemsize} a "
                    "sample: it was cut short"
                )
            with archive.open(raw) as stored, tempfile.TemporaryFile() as file:
                levels = _copied(path, stored, file)
                count = file.tell() // 4
                file.flush()
                samples = np.memmap(file, np.float32, "r", shape=(count,))  # pyright: ignore[reportCallIssue, reportArgumentType]
    except ZIP_FAULTS as e:
        raise TraceError(f"{path}: no session of the Power Profiler, or damaged: {e}") from e
    rate_hz = metadata.samplesPerSecond
    chosen = choose_sampled(levels, channel, str(path))
    half_s = 0.5 / rate_hz
    return memory_trace(
        TraceHead(
            rate_hz=rate_hz,
            unit="A",
            start=_start(metadata.startSystemTime),
            monitor="ppk2",
            voltage_v=voltage_v,
            note="session of the Power Profiler",
        ),
        samples,
        edges=list(levels[chosen].edges(rate_hz, half_s, half_s)) if chosen else [],
        name=str(path),
    )


def _entry(path: Path, archive: zipfile.ZipFile, name: str, most_b: int) -> zipfile.ZipInfo:
    try:
        entry = archive.getinfo(name)
    except KeyError:
        raise TraceError(f"{path}: holds no {name}: no session of the Power Profiler") from None
    if entry.file_size > most_b:
        raise TraceError(
            f"{path}: {name} is to have {entry.file_size} bytes, more than {most_b}: export the "
            "part with the windows as CSV"
        )
    return entry


def _metadata(path: Path, archive: zipfile.ZipFile) -> _Metadata:
    raw = archive.read(_entry(path, archive, "metadata.json", METADATA_MAX_B))
    try:
        session = read_json(raw, type=_Session)
    except msgspec.MsgspecError as error:
        raise TraceError(f"{path}: metadata.json says no rate: {error}") from error
    if session.formatVersion not in FORMATS:
        raise TraceError(
            f"{path}: format version {session.formatVersion} of the Power Profiler is not known; "
            "export it as CSV"
        )
    return session.metadata


def _copied(path: Path, stored: IO[bytes], file: IO[bytes]) -> dict[str, Levels]:
    """Write the samples in A to `file`; return the inputs."""
    levels = {f"d{place}": Levels() for place in range(8)}
    count = 0
    while piece := stored.read(PIECE_B):
        if len(piece) % SAMPLE.itemsize:
            raise TraceError(f"{path}: session.raw ends within sample {count}: it was cut short")
        samples = np.frombuffer(piece, SAMPLE)
        file.write((samples["current_ua"].astype(np.float64) * 1e-6).astype(np.float32).tobytes())
        for place, found in enumerate(levels.values()):
            found.add(count, LEVELS[samples["bits"] >> (2 * place) & 3])
        count += len(samples)
    return levels


def _start(milliseconds: float | None) -> str:
    try:
        return (
            ""
            if milliseconds is None
            else datetime.fromtimestamp(milliseconds / 1e3, UTC).isoformat()
        )
    except (ValueError, OverflowError, OSError):
        return ""
