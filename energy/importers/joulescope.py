"""Import a JLS file that the Joulescope UI or another program recorded, which has no sidecar.

Ref: JLS format version 2: signals by name, each with its own rate and first sample; 1-bit signals
read as 0 where samples are lost, floats as NaN.
"""

import math
from pathlib import Path

import numpy as np

from tinybench.errors import TraceError

from ..trace import MODELLED, Edge, Floats, JlsFile, Trace, TraceHead
from .levels import Levels, choose

BLOCK = 1 << 20
U1 = 0x103
"""JLS's own number of the type: one bit, unsigned."""
AROUND = 2
"""Samples about an edge of which none may be lost, or it may be none."""


def read_joulescope(
    path: Path, *, voltage_v: float | None = None, channel: str | None = None
) -> Trace:
    """Open a JLS file with a signal `current` (and `voltage`), or `power`, and digital inputs.

    Raises TraceError: damaged, no such signals; UsageError when several inputs change and
    `channel` names none.
    """
    jls = JlsFile(path)
    try:
        return _trace(jls, voltage_v, channel)
    except BaseException:
        jls.close()
        raise


def _trace(jls: JlsFile, voltage_v: float | None, channel: str | None) -> Trace:
    path, signals = jls.path, jls.signals
    name = next((name for name in ("current", "power") if name in signals), None)
    if name is None:
        raise TraceError(f"{path}: no signal 'current' or 'power'; it has {', '.join(signals)}")
    main = signals[name]
    rate_hz = float(main.sample_rate)
    measured = name == "current" and "voltage" in signals and voltage_v is None
    if measured and signals["voltage"].sample_rate != main.sample_rate:
        raise TraceError(f"{path}: current and voltage have different rates; give --voltage")
    count = min(main.length, signals["voltage"].length) if measured else main.length

    def read(start: int, stop: int) -> tuple[Floats, Floats | None]:
        return jls.read(name, start, stop), jls.read("voltage", start, stop) if measured else None

    source = jls.sources.get(main.source_id)
    return Trace(
        TraceHead(
            rate_hz=rate_hz,
            unit="A" if name == "current" else "W",
            start=jls.start(name),
            monitor=source.model if source else "",
            serial=source.serial_number if source else "",
            firmware=source.version if source else "",
            voltage_v=voltage_v,
            voltage_measured=measured,
            modelled=bool(source) and source.name.endswith(MODELLED),
            note=f"JLS recorded by {source.name}" if source else "JLS",
        ),
        count,
        read,
        edges=_edges(jls, name, channel),
        name=str(path),
        close=jls.close,
    )


def _edges(jls: JlsFile, name: str, channel: str | None) -> list[Edge]:
    inputs = {key: signal for key, signal in jls.signals.items() if signal.data_type == U1}
    found: dict[str, Levels] = {}
    for key, signal in inputs.items():
        found[key] = levels = Levels()
        for first in range(0, signal.length, BLOCK):
            count = min(BLOCK, signal.length - first)
            packed = np.asarray(jls.read(key, first, first + count)).view(np.uint8)
            bits = np.unpackbits(packed, count=count, bitorder="little")
            levels.add(first, bits.astype(np.int8))
    chosen = choose({key: levels.changes for key, levels in found.items()}, channel, str(jls.path))
    if chosen is None:
        return []
    signal, main = inputs[chosen], jls.signals[name]
    offset_s = (
        signal.sample_id_offset / signal.sample_rate - main.sample_id_offset / main.sample_rate
    )
    edges = found[chosen].edges(signal.sample_rate, offset_s, 0.0)
    return [edge for edge in edges if not _near_a_loss(jls, name, edge.time_s)]


def _near_a_loss(jls: JlsFile, name: str, time_s: float) -> bool:
    """Return whether samples are lost about a moment, or none are there: no edge is known then."""
    signal = jls.signals[name]
    at = math.floor(time_s * signal.sample_rate)
    start, stop = max(at - AROUND, 0), min(at + AROUND + 1, signal.length)
    return at >= signal.length or not np.isfinite(jls.read(name, start, stop)).all()
