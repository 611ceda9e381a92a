"""Import energy/results.json of the MLPerf Tiny v1.3 runner.

Ref: mlcommons/tiny at 1afd2c9, benchmark/runner/main.py: one entry an infer, with its samples in J
and its edges as [counter, samples before it]; 1000 samples a second, whatever the monitor.
"""

from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from tinybench.errors import TraceError
from tinybench.files import WHOLE_MOST_B, read_bytes, read_text
from tinybench.read import read_json

from ..accuracy import accuracy
from ..trace import Edge, Infer, Trace, TraceHead, memory_trace

RATE_HZ = 1000.0
LPM01A_BAUD = "3686400"


class _Power(msgspec.Struct, frozen=True):
    samples: list[float]
    timestamps: list[tuple[str | float, float]]
    voltage: str | float | None = None


class _Infer(msgspec.Struct, frozen=True):
    iterations: Annotated[int, msgspec.Meta(ge=1)] = 1


class _Entry(msgspec.Struct, frozen=True):
    power: _Power
    infer: _Infer = _Infer()
    file: str = ""


def read_runner13(path: Path) -> Trace:
    """Open the samples of all infers as one trace, in order; each infer is bounded by its own.

    Raises TraceError: no JSON, no energy result, or an edge outside of its samples.
    """
    try:
        raw = read_bytes(path, WHOLE_MOST_B)
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        found = read_json(raw, type=list[_Entry] | _Entry)
    except msgspec.MsgspecError as error:
        raise TraceError(f"{path}: not an energy result of the v1.3 runner: {error}") from error
    entries = [found] if isinstance(found, _Entry) else found
    if not entries:
        raise TraceError(f"{path}: an empty list: no infer was recorded")
    half_s = 0.5 / RATE_HZ
    edges: list[Edge] = []
    infers: list[Infer] = []
    offset = marks = 0
    for number, entry in enumerate(entries):
        count = len(entry.power.samples)
        start_s, stop_s = offset / RATE_HZ, (offset + count) / RATE_HZ
        for counter, at in entry.power.timestamps:
            if not 0 <= at <= count:
                raise TraceError(
                    f"{path}: infer {number}: an edge at sample {at:g} of {count} samples"
                )
            stamp_s = (offset + at) / RATE_HZ
            edges.append(Edge(max(stamp_s - half_s, 0.0), None, half_s, stamp_s))
            if number == 0 and str(counter).strip("0") in (
                "",
                ".",
            ):  # the DUT's boot pulse, before its first infer
                start_s, marks = stamp_s, 1
        infers.append(Infer(entry.infer.iterations, entry.file, start_s, stop_s))
        offset += count
    if not offset:
        raise TraceError(f"{path}: there are no samples in its {len(entries)} infers")
    samples = np.concatenate([np.array(entry.power.samples) for entry in entries])
    monitor = _monitor(path.with_name("log.txt"))
    return memory_trace(
        TraceHead(
            rate_hz=RATE_HZ,
            unit="J",
            monitor=monitor,
            voltage_v=_voltage_v(entries[0].power.voltage),
            accuracy=accuracy(monitor, code="dec4"),
            method="v1.3",
            note=f"MLPerf Tiny v1.3 runner, {len(entries)} infers joined",
            marks=marks,
        ),
        samples,
        edges=edges,
        infers=infers,
        name=str(path),
    )


def _monitor(log: Path) -> str:
    """Return the monitor that the log shows by the speed of its port."""
    try:
        lines = read_text(log, WHOLE_MOST_B, "replace").splitlines()
    except OSError:
        return ""
    return "lpm01a" if any(f"at {LPM01A_BAUD} baud" in line for line in lines) else ""


def _voltage_v(stated: str | float | None) -> float | None:
    """Return a voltage in V; some are stated as the LPM01A is told, such as "1800m"."""
    if not isinstance(stated, str):
        return stated
    number = stated.strip().removesuffix("V").strip()
    try:
        return float(number.removesuffix("m")) * (1e-3 if number.endswith("m") else 1.0)
    except ValueError:
        return None
