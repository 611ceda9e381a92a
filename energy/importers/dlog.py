"""Import a .dlog of the data logger in Keysight's N6705 and N6700 (also written by its software).

Ref: public readers (dlog-viewer and others, which agree), for Keysight publishes no format: a
description with tags up to `</dlog>` and a line end, 8 bytes, then big-endian float32, of each
sample one for each output in the order of the description: voltage, then current, where they are
sensed. With minima and maxima there are three of each, in an order that nobody states: refused.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinybench.errors import TraceError, UsageError
from tinybench.files import STREAM_MOST_B, open_regular
from tinybench.printable import one_line

from ..trace import CHUNK, Floats, Trace, TraceHead
from .table import CURRENT_MAX_A, VOLTAGES_V

DESCRIPTION_MOST_B = 1 << 20
END = b"</dlog>"
BETWEEN_B = 8
OUTPUTS_MAX = 64
NONE_FROM = 9e36
"""What an instrument with SCPI sends where it has no number is 9.9e37 or 9.91e37."""
_OUTPUT = re.compile(rb'<channel id="(\d{1,3})">(.*?)</channel>', re.DOTALL)


@dataclass(frozen=True)
class _Output:
    """Columns of an output; None where it was not sensed."""

    name: str
    model: str
    voltage: int | None
    current: int | None


def read_dlog(path: Path, *, voltage_v: float | None = None, channel: str | None = None) -> Trace:
    """Open a log; of several outputs with a current, `channel` names one.

    Raises TraceError: not such a file, cut short, with minima and maxima, or with values that no
    microcontroller has; UsageError where it takes a choice.
    """
    try:
        with open_regular(path, STREAM_MOST_B) as file:
            start = file.read(DESCRIPTION_MOST_B + len(END) + 1)
            size_b = file.seek(0, 2)
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror or error}") from error
    text, end, rest = start.partition(END)
    if not end or b"<dlog>" not in text:
        raise _no_dlog(path, "it has no description from <dlog> to </dlog>")
    line_b = 2 if rest[:2] == b"\r\n" else 1
    offset = len(text) + len(END) + line_b + BETWEEN_B
    interval_s = _number(text, b"tint")
    if interval_s is None or not 0 < interval_s < math.inf:
        raise _no_dlog(path, "its description says no interval (tint)")
    if _number(text, b"sense_minmax"):
        raise _no_dlog(
            path,
            "it has minima and maxima beside each sample, in an order that nobody states: log "
            "without Min/Max",
        )
    outputs, width = _outputs(text)
    output = _chosen(path, outputs, channel)
    count, left_b = divmod(size_b - offset, 4 * width)
    if count < 2 or left_b:
        raise _no_dlog(path, f"{count} samples and {left_b} bytes of another: it was cut short")
    raw = np.memmap(path, ">f4", "r", offset=offset, shape=(count, width))
    measured = output.voltage is not None and voltage_v is None

    def read(first: int, last: int) -> tuple[Floats, Floats | None]:
        volts = _column(raw, first, last, output.voltage) if measured else None
        return _column(raw, first, last, output.current), volts

    trace = Trace(
        TraceHead(
            rate_hz=float(f"{1 / interval_s:.9g}"),
            unit="A",
            monitor=" ".join(filter(None, ("Keysight", output.model))),
            voltage_v=voltage_v,
            voltage_measured=measured,
            note=f"data logger (.dlog), output {output.name}",
        ),
        count,
        read,
        name=str(path),
    )
    _insist_plausible(trace)
    return trace


def _no_dlog(path: Path, why: str) -> TraceError:
    return TraceError(
        f"{path}: not a readable .dlog of Keysight's data logger: {why}. Export it as CSV in the "
        "instrument or its software, and name the columns, as --columns i,v --rate 50kHz"
    )


def _number(text: bytes, tag: bytes) -> float | None:
    found = re.search(rb"<%s>\s{0,9}([0-9.eE+-]{1,40})\s{0,9}</%s>" % (tag, tag), text)
    try:
        return float(found[1]) if found else None
    except ValueError:
        return None


def _outputs(text: bytes) -> tuple[list[_Output], int]:
    """Return the outputs that were sensed, and the values of a sample."""
    found: list[_Output] = []
    width = 0
    for output in list(_OUTPUT.finditer(text))[:OUTPUTS_MAX]:
        columns: dict[bytes, int | None] = {}
        for tag in (b"sense_volt", b"sense_curr"):
            sensed = bool(_number(output[2], tag))
            columns[tag] = width if sensed else None
            width += sensed
        model = re.search(rb"<model>([^<]{0,40})</model>", output[2])
        found.append(
            _Output(
                output[1].decode(),
                one_line(model[1].decode("latin-1").strip()) if model else "",
                columns[b"sense_volt"],
                columns[b"sense_curr"],
            )
        )
    return found, width


def _chosen(path: Path, outputs: list[_Output], channel: str | None) -> _Output:
    sensed = [output for output in outputs if output.current is not None]
    if not sensed:
        raise _no_dlog(path, "no output was logged with its current")
    names = ", ".join(output.name for output in sensed)
    if channel is None and len(sensed) > 1:
        raise UsageError(
            f"{path}: the current of several outputs was logged ({names}); name the DUT's with "
            "--channel"
        )
    wanted = [output for output in sensed if channel in (None, output.name)]
    if not wanted:
        raise UsageError(f"{path}: no output '{channel}' with a current; it has {names}")
    return wanted[0]


def _column(raw: np.ndarray, first: int, last: int, column: int | None) -> Floats:
    values = raw[first:last, column].astype(np.float32)
    values[np.abs(values) > NONE_FROM] = np.nan
    return values


def _insist_plausible(trace: Trace) -> None:
    """Raise TraceError where values are none of a microcontroller: then the format is another."""
    sums, there = np.zeros(2), np.zeros(2)
    for chunk in trace.chunks(size=CHUNK):
        for place, values in enumerate((chunk.samples, chunk.voltage_v)):
            if values is not None:
                known = values[np.isfinite(values)].astype(np.float64)
                sums[place] += np.abs(known).sum()
                there[place] += len(known)
    current_a, voltage = sums / np.maximum(there, 1)
    if not there[0]:
        raise _no_dlog(Path(trace.name), "no sample is a number")
    low_v, high_v = VOLTAGES_V
    if current_a > CURRENT_MAX_A or (
        trace.head.voltage_measured and not low_v <= voltage <= high_v
    ):
        raise _no_dlog(
            Path(trace.name),
            f"a mean of {current_a:.4g} A"
            + (f" at {voltage:.4g} V" if trace.head.voltage_measured else "")
            + " is none of a microcontroller",
        )
