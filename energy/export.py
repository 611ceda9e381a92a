"""Write a trace for other programs: CSV, Parquet, sigrok (PulseView) and Perfetto."""

import csv
import io
import math
import zipfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from tinybench import extras
from tinybench.errors import ToolMissingError, TraceError

from .importers.header import OWN, Own
from .trace import CHUNK, UNITS, Floats, Trace

SR_CHUNK = 1 << 20
"""Samples in one file of a sigrok session; whole ones would sit in memory to be packed."""
PERFETTO_POINTS = 20_000
"""More than a screen can show; each is the mean and the highest of its samples."""
COLUMNS = {"A": "current_a", "W": "power_w", "J": "energy_j", "uJ": "energy_uj"}


def export(trace: Trace, to: str, out: Path) -> None:
    """Write a trace to `out` as one of FORMATS, piece by piece.

    Raises TraceError when it cannot be written; ToolMissingError when a library is missing.
    """
    partial = out.with_name(out.name + ".partial")
    try:
        FORMATS[to](trace, partial)
        partial.replace(out)
    except OSError as error:
        raise TraceError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _csv(trace: Trace, out: Path) -> None:
    """One line a sample, as `energy analyse` reads it back; first what the trace says of itself."""
    names = list(_columns(trace))
    with out.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {_origin(trace)}\n")
        own = Own(trace.head, list(trace.infers))
        file.write(f"# {OWN}{msgspec.json.encode(own).decode()}\n")
        file.write(",".join(names) + "\n")
        for columns in _rows(trace):
            lines = io.StringIO()
            writer = csv.writer(lines, lineterminator="\n")
            writer.writerows(zip(*(_texts(name, columns[name]) for name in names), strict=True))
            file.write(lines.getvalue())


def _texts(name: str, values: NDArray[np.generic]) -> list[object]:
    if name == "time_s":
        return [f"{value:.9f}" for value in values.tolist()]
    # float32 prints with as many digits as tell it from its neighbours.
    return [str(value) for value in values] if values.dtype == np.float32 else values.tolist()


def _parquet(trace: Trace, out: Path) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise ToolMissingError(extras.missing("writing Parquet", "pyarrow", "parquet")) from error
    head = msgspec.json.encode(trace.head)
    types = {name: pa.from_numpy_dtype(kind) for name, kind in _columns(trace).items()}
    schema = pa.schema(
        [pa.field(name, kind, nullable=False) for name, kind in types.items()],
        metadata={"tinybench": head},
    )
    with parquet.ParquetWriter(out, schema, compression="lz4") as writer:
        for columns in _rows(trace, SR_CHUNK):
            writer.write_table(pa.table(columns, schema=schema))


def _sigrok(trace: Trace, out: Path) -> None:
    """Ref: sigrok session format, version 2: a logic channel, then one of floats each.

    sigrok plays NaN as a hole. It knows whole hertz only.
    """
    analog = [UNITS[trace.head.unit], *(["voltage"] if trace.head.voltage_measured else [])]
    metadata = [
        "[global]",
        "sigrok version=0.5.2",
        "",
        "[device 1]",
        "capturefile=logic-1",
        "total probes=1",
        f"samplerate={round(trace.head.rate_hz)}",
        f"total analog={len(analog)}",
        "probe1=timing pin",
        *(f"analog{place}={name}" for place, name in enumerate(analog, start=2)),
        "unitsize=1",
        "",
    ]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("version", "2")
        archive.writestr("metadata", "\n".join(metadata))
        for number, columns in enumerate(_rows(trace, SR_CHUNK), start=1):
            archive.writestr(f"logic-1-{number}", columns["edge"].tobytes())
            for place, name in enumerate(analog, start=2):
                column = "voltage_v" if name == "voltage" else COLUMNS[trace.head.unit]
                values = columns[column].astype("<f4")
                archive.writestr(f"analog-1-{place}-{number}", values.tobytes())


def _perfetto(trace: Trace, out: Path) -> None:
    """Counters of the mean and the highest sample, and an instant at every edge.

    Ref: Trace Event Format; ui.perfetto.dev opens it. A whole trace of samples it would not.
    """
    unit, label = trace.head.unit, UNITS[trace.head.unit]
    kind = " (modelled)" if trace.head.modelled else ""
    where: dict[str, object] = {"pid": 1, "tid": 1}
    events: list[dict[str, object]] = [
        where | {"ph": "M", "name": "process_name", "args": {"name": _origin(trace)}}
    ]
    size = max(math.ceil(trace.count / PERFETTO_POINTS), 1)
    for first in range(0, trace.count, size):
        samples = _finite(trace, first, min(first + size, trace.count))
        if not len(samples):
            continue
        at: dict[str, object] = where | {"ph": "C", "ts": first / trace.head.rate_hz * 1e6}
        events.append(at | {"name": f"{label}, mean{kind}", "args": {unit: float(samples.mean())}})
        events.append(at | {"name": f"{label}, max{kind}", "args": {unit: float(samples.max())}})
    for number, edge in enumerate(trace.edges):
        events.append(
            where | {"ph": "i", "s": "g", "name": f"edge {number}", "ts": edge.time_s * 1e6}
        )
    out.write_bytes(msgspec.json.encode({"traceEvents": events, "displayTimeUnit": "ms"}))


FORMATS: dict[str, Callable[[Trace, Path], None]] = {
    "csv": _csv,
    "parquet": _parquet,
    "sr": _sigrok,
    "perfetto": _perfetto,
}
SUFFIXES = {"csv": ".csv", "parquet": ".parquet", "sr": ".sr", "perfetto": ".perfetto.json"}


def _finite(trace: Trace, start: int, stop: int) -> Floats:
    """Return the samples that are there, in float64; at most CHUNK of them, evenly picked."""
    step = max((stop - start) // CHUNK, 1)
    samples = np.asarray(trace.read(start, stop)[0][::step], np.float64)
    return samples[np.isfinite(samples)]


def _columns(trace: Trace) -> dict[str, type]:
    voltage = {"voltage_v": np.float32} if trace.head.voltage_measured else {}
    samples = np.float64 if trace.count and trace.read(0, 1)[0].dtype == np.float64 else np.float32
    return {"time_s": np.float64, COLUMNS[trace.head.unit]: samples, **voltage, "edge": np.uint8}


def _rows(trace: Trace, size: int = CHUNK) -> Iterator[dict[str, NDArray[np.generic]]]:
    """Yield columns by name, each shape [n]; `edge` is 1 in a sample within which one fell."""
    types = _columns(trace)
    rate_hz = trace.head.rate_hz
    at = np.unique([math.floor(edge.time_s * rate_hz) for edge in trace.edges]).astype(np.int64)
    for chunk in trace.chunks(size=size):
        count, first = len(chunk.samples), chunk.start_index
        edges = np.zeros(count, np.uint8)
        edges[at[(at >= first) & (at < first + count)] - first] = 1
        columns: dict[str, NDArray[np.generic]] = {
            "time_s": np.arange(first, first + count) / rate_hz,
            COLUMNS[trace.head.unit]: np.asarray(chunk.samples, types[COLUMNS[trace.head.unit]]),
            "edge": edges,
        }
        if chunk.voltage_v is not None:
            columns["voltage_v"] = np.asarray(chunk.voltage_v, np.float32)
        yield {name: columns[name] for name in types}


def _origin(trace: Trace) -> str:
    """Return one line on where a trace comes from, with no line break in it."""
    head = trace.head
    words = [
        f"tinybench {version('tinybench-mcu')}",
        head.monitor,
        head.serial,
        head.start,
        head.note,
    ]
    if head.modelled:
        words.append("modelled: no measurement")
    if head.voltage_v is not None:
        words.append(f"{head.voltage_v:g} V")
    return ", ".join(" ".join(word.split()) for word in words if word)
