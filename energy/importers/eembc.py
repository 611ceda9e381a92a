"""Import a trace of EEMBC's runner: trace1-energy.bin and trace1-timestamps.json, v0.5 to v1.2.

Ref: recorded traces of MLPerf Tiny: a byte 0xF1, the rate as float32, then one float32 of uJ a
sample, all little-endian; edges in s. The log beside them says what the runner did and when.
"""

import math
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from tinybench.errors import TraceError
from tinybench.files import (
    DOCUMENT_MOST_B,
    STREAM_MOST_B,
    WHOLE_MOST_B,
    open_regular,
    read_bytes,
    read_text,
)
from tinybench.read import read_json

from ..accuracy import accuracy
from ..trace import Edge, Infer, Trace, TraceHead, memory_trace

MAGIC = 0xF1
HEADER = struct.Struct("<Bf")
SUFFIX = "-energy.bin"
MARGIN_S = 0.5
MARGIN_SHARE = 1e-3
"""How much the log's clock and the trace's may be apart at the start, and in rate."""

_LINE = re.compile(r"^(\d{1,12}\.\d{1,9}) (\w+): (.*)\Z")
_INFER = re.compile(r'Command "io dut infer (\d{1,12})\b')
_LOAD = re.compile(r'Command "bloadp "?([^"]+)')
_VOLTAGE = re.compile(r"m-voltage-mv\[(\d{1,9})\]")
_MONITOR = re.compile(r"m-regfile-fn\[.*-energy\.bin\].*-name\[(\w+)\]")
_SESSION = re.compile(r"m-session-start-id\[(\d+)\]")
_COUNT = re.compile(r"# Inferences\s*:\s*(\d{1,12})\b")


@dataclass(frozen=True)
class _Log:
    """What the log says; times in s since the trace was switched on, by the host's clock."""

    infers: list[Infer]
    voltage_v: float | None = None
    monitor: str = ""
    session: str = ""


def read_eembc(path: Path) -> Trace:
    """Open the trace whose samples are at `path` (...-energy.bin).

    Raises TraceError: a file is missing, cut short, or not what its name says.
    """
    rate_hz, samples = _read_samples(path)
    stamps = _read_stamps(path.with_name(path.name.removesuffix(SUFFIX) + "-timestamps.json"))
    log = _read_log(path.with_name("log.txt"))
    infers = log.infers or _from_results(path.with_name("results.txt"))
    # The monitor dates an edge by the samples that it has sent: it fell within the last of them.
    half_s = 0.5 / rate_hz
    return memory_trace(
        TraceHead(
            rate_hz=rate_hz,
            unit="uJ",
            monitor=log.monitor,
            voltage_v=log.voltage_v,
            accuracy=accuracy(log.monitor, code="dec4"),
            method="eembc",
            note=f"EEMBC runner{', session ' + log.session if log.session else ''}",
        ),
        samples,
        edges=[Edge(max(at - half_s, 0.0), None, half_s, at) for at in stamps],
        infers=infers,
        name=str(path),
    )


def _read_samples(path: Path) -> tuple[float, np.ndarray]:
    try:
        with open_regular(path, STREAM_MOST_B) as file:
            header = file.read(HEADER.size)
            size_b = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(header) < HEADER.size or header[0] != MAGIC:
        found = f"byte {header[0]:#04x}" if header else "nothing"
        raise TraceError(f"{path}: an EEMBC trace begins with byte {MAGIC:#04x}, found {found}")
    rate_hz = HEADER.unpack(header)[1]
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        raise TraceError(f"{path}: {rate_hz} samples a second are no rate; the file is damaged")
    count, rest_b = divmod(size_b - HEADER.size, 4)
    if rest_b or not count:
        raise TraceError(
            f"{path}: {count} samples and {rest_b} bytes of another: the file was cut short"
        )
    return rate_hz, np.memmap(path, "<f4", "r", offset=HEADER.size, shape=(count,))


def _read_stamps(path: Path) -> list[float]:
    try:
        stamps = read_json(read_bytes(path, DOCUMENT_MOST_B), type=list[float])
    except OSError as error:
        raise TraceError(
            f"{path}: cannot be read: {error.strerror or error}; the edges of a trace are beside it"
        ) from error
    except msgspec.MsgspecError as error:
        raise TraceError(f"{path}: not a list of edges in seconds: {error}") from error
    if not all(0 <= stamp < math.inf for stamp in stamps):
        raise TraceError(f"{path}: an edge before the trace, or at no time")
    return stamps


def _read_log(path: Path) -> _Log:
    """Read log.txt, as far as it is there and is one."""
    try:
        lines = read_text(path, WHOLE_MOST_B, "replace").splitlines()
    except OSError:
        return _Log([])
    on_s: float | None = None
    name, monitor, session = "", "", ""
    voltage_v = None
    running: tuple[float, int, str] | None = None
    began_s: float | None = None
    infers: list[Infer] = []
    for line in lines:
        parts = _LINE.match(line)
        if not parts:
            continue
        at_s, words = float(parts[1]), parts[3]
        if found := _INFER.search(words):
            running = (at_s, int(found[1]), name)
            began_s = None
        elif found := _LOAD.search(words):
            name = re.split(r"[\\/]", found[1])[-1]
        elif "m-infer-start-" in words:
            began_s = at_s
        elif "m-infer-done" in words and running and on_s is not None:
            issued_s, iterations, file = running
            margin_s = MARGIN_S + MARGIN_SHARE * (at_s - on_s)
            infers.append(
                Infer(
                    iterations,
                    file,
                    start_s=issued_s - on_s - margin_s,
                    stop_s=at_s - on_s + margin_s,
                    host_s=None if began_s is None else at_s - began_s,
                    host_stop_s=at_s - on_s,
                )
            )
            running = None
        elif words == "m-trace[on]":
            on_s = at_s
        elif found := _VOLTAGE.search(words):
            voltage_v = int(found[1]) / 1e3
        elif found := _MONITOR.search(words):
            monitor = found[1]
        elif found := _SESSION.search(words):
            session = found[1]
    return _Log(infers, voltage_v, monitor, session)


def _from_results(path: Path) -> list[Infer]:
    """Return the infers that results.txt counts, where there is no log."""
    try:
        counts = _COUNT.findall(read_text(path, WHOLE_MOST_B, "replace"))
    except OSError:
        return []
    return [Infer(int(count)) for count in counts]
