"""A trace: samples of current or power, edges and gaps in the monitor's own clock; JLS on disk.

A stored trace is two files: `NAME.jls` with the samples, which the Joulescope UI opens, and
`NAME.json` beside it with everything that JLS cannot say.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from tinybench.errors import TraceError
from tinybench.files import DOCUMENT_MOST_B, STREAM_MOST_B, open_regular, read_bytes, write_whole
from tinybench.jls_tail import short_of
from tinybench.read import read_json

FORMAT = 1
CHUNK = 65536
"""Samples that are read and added up together. Longer float32 dot products lose digits."""
UNITS = {"A": "current", "W": "power", "J": "energy", "uJ": "energy"}
"""What a sample may be, and the name of its signal; J and uJ are energy in one sample's time."""
VOLTAGE = "voltage"
MODELLED = " (modelled)"
"""Ends the name of a source in a JLS file that is no measurement."""

Count = Annotated[int, msgspec.Meta(ge=0)]
Floats = NDArray[np.floating[Any]]


class Gap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Samples that the monitor took and nobody has."""

    start_index: Count
    count: Count


class Edge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An edge of the timing pin, in seconds since sample 0 by the monitor's own clock."""

    time_s: float
    rising: bool | None = None
    uncertainty_s: float = 0.0
    """Half the width of the interval that the edge lies in."""
    stamp_s: float | None = None
    """As the instrument gave it, where `time_s` is a better estimate."""


class Marker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody noted while it was recorded, when its samples came to the host."""

    time_s: float
    name: str = ""


class Infer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `infer` command, as the runner knows it; its two edges make a window."""

    iterations: Count
    input: str = ""
    start_s: float | None = None
    stop_s: float | None = None
    """Bounds within which its edges must lie, by the monitor's clock; None where unknown."""
    dut_s: float | None = None
    host_s: float | None = None
    """How long it took by the clock of the DUT, and of the host."""
    host_stop_s: float | None = None
    """When it ended by the host's clock, since a moment that is the same for all infers."""
    again: bool = False
    """It came out too short and was asked again: its edges are there, and it is no window."""


class Accuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the maker promises: each a half width, as in a data sheet. None is not stated."""

    gain: float | None = None
    """Relative."""
    offset_a: float | None = None
    voltage: float | None = None
    """Relative, of a voltage that was read back or measured."""
    quantisation: float = 0.0
    """Half a step, relative to the sample (an instrument that sends a short mantissa)."""
    code: str = ""
    """How a sample was sent, where that rounds it: "hex12" or "dec4" (LPM01A binary, ASCII)."""
    quantisation_a: float = 0.0
    """Half a step in A, or W, or J: the unit of the samples (an instrument with a linear ADC)."""
    clock_ppm: float | None = None


class TraceHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is known before the first sample."""

    rate_hz: Annotated[float, msgspec.Meta(gt=0)]
    unit: str
    """Of a sample: "A", "W", or "J" or "uJ" in one sample's time."""
    start: str = ""
    """Sample 0 by the host's clock, ISO 8601 in UTC; empty where unknown."""
    monitor: str = ""
    serial: str = ""
    firmware: str = ""
    voltage_v: float | None = None
    """Read back or set; None when each sample has its own, or it is unknown."""
    voltage_measured: bool = False
    """Each sample has its own voltage."""
    range_max: float | None = None
    """A sample at or above this is clipped; in the unit of the samples."""
    point_sampled: bool = False
    """The monitor samples points in time instead of averaging over each sample's time."""
    accuracy: Accuracy = Accuracy()
    marks: Count = 1
    """Edges before the first infer: the DUT's boot pulse or an answer to `timestamp`."""
    method: str = ""
    """How whoever published this trace computes its energy: "eembc" or "v1.3"."""
    modelled: bool = False
    """No measurement: power is a model, or time is an instruction count."""
    note: str = ""
    """Where it comes from: program, file, settings."""


@dataclass(frozen=True)
class Chunk:
    """Successive samples, in the unit of the head; NaN where one is lost."""

    start_index: int
    samples: Floats
    voltage_v: Floats | None = None
    edges: Sequence[Edge] = ()
    gaps: Sequence[Gap] = ()
    """Samples that were lost before or within this chunk, where the monitor says so itself."""


Read = Callable[[int, int], tuple[Floats, Floats | None]]
"""(start, stop) -> samples and, where each has its own, voltages."""


@dataclass(frozen=True)
class Trace:
    """A recording that is read piece by piece. Close it, or use it in a `with`."""

    head: TraceHead
    count: int
    read: Read
    edges: Sequence[Edge] = ()
    gaps: Sequence[Gap] = ()
    infers: Sequence[Infer] = ()
    markers: Sequence[Marker] = ()
    windows: Sequence[tuple[Edge, Edge]] = ()
    """Where they are not those of the edges: never an MLPerf result."""
    windows_by: Literal["edges", "hand", "threshold"] = "edges"
    threshold: float | None = None
    """In A, or in W where samples are power or energy."""
    complete: bool = True
    """False when the recording ended before it was closed."""
    name: str = ""
    close: Callable[[], None] = field(default=lambda: None, repr=False)

    def __enter__(self) -> "Trace":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def chunks(self, start: int = 0, stop: int | None = None, size: int = CHUNK) -> Iterator[Chunk]:
        """Yield the samples from `start` to `stop` in chunks of at most `size`."""
        stop = self.count if stop is None else min(stop, self.count)
        for first in range(max(start, 0), stop, size):
            samples, voltage_v = self.read(first, min(first + size, stop))
            yield Chunk(first, samples, voltage_v)


def memory_trace(
    head: TraceHead,
    samples: Floats,
    voltage_v: Floats | None = None,
    *,
    edges: Sequence[Edge] = (),
    gaps: Sequence[Gap] = (),
    infers: Sequence[Infer] = (),
    name: str = "",
) -> Trace:
    """Return a trace of samples in memory, shape [n], or in a memory-mapped file.

    What stands in a gap is read as NaN.
    """

    def read(start: int, stop: int) -> tuple[Floats, Floats | None]:
        piece = samples[start:stop]
        for gap in gaps:
            first, last = gap.start_index - start, gap.start_index + gap.count - start
            if last > 0 and first < len(piece):
                piece = np.array(piece)
                piece[max(first, 0) : last] = np.nan
        return piece, None if voltage_v is None else voltage_v[start:stop]

    return Trace(head, len(samples), read, edges, gaps, infers, name=name)


class _Sidecar(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    format: int = FORMAT
    complete: bool
    count: Count
    head: TraceHead
    edges: list[Edge]
    gaps: list[Gap]
    infers: list[Infer]
    markers: list[Marker] = []


class TraceWriter:
    """Stores a trace as it comes: call `write` with chunks in order, then `close`.

    Raises TraceError when the disk refuses, or a chunk does not fit the head or the one before.
    """

    def __init__(self, path: Path, head: TraceHead) -> None:
        """Begin `path` (.jls) and its sidecar."""
        _check(head, path)
        self.path = path.with_suffix(".jls")
        self.head = head
        self.count = 0
        self.edges: list[Edge] = []
        self.gaps: list[Gap] = []
        self.infers: list[Infer] = []
        self.markers: list[Marker] = []
        self._open = True
        self._lock = threading.Lock()
        pyjls = _pyjls()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.unlink(missing_ok=True)  # through no link that lies there
            self._jls = pyjls.Writer(str(self.path))
            self._jls.source_def(
                source_id=1,
                name="tinybench" + (MODELLED if head.modelled else ""),
                vendor="",
                model=head.monitor,
                version=head.firmware,
                serial_number=head.serial,
            )
            signals = {1: (UNITS[head.unit], head.unit)}
            if head.voltage_measured:
                signals[2] = (VOLTAGE, "V")
            for number, (name, unit) in signals.items():
                self._jls.signal_def(
                    signal_id=number,
                    source_id=1,
                    sample_rate=round(
                        head.rate_hz
                    ),  # JLS counts in whole hertz; the sidecar is exact
                    name=name,
                    units=unit,
                )
                if head.start:
                    at = datetime.fromisoformat(head.start).timestamp()
                    self._jls.utc(number, 0, pyjls.utc_to_jls(at))
        except (OSError, RuntimeError, ValueError) as error:
            raise TraceError(f"cannot begin the trace {self.path}: {error}") from error
        self._write_sidecar(complete=False)

    def __enter__(self) -> "TraceWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, chunk: Chunk) -> None:
        """Append samples, shape [n]; a jump of `start_index` is kept as a gap."""
        with self._lock:
            if not self._open:
                raise TraceError(f"{self.path}: samples came after the trace was closed")
            self._write(chunk)

    def _write(self, chunk: Chunk) -> None:
        samples = np.ascontiguousarray(chunk.samples, np.float32)
        if (chunk.voltage_v is not None) != self.head.voltage_measured:
            raise TraceError(f"{self.path}: a chunk has a voltage where the head has none, or not")
        if chunk.voltage_v is not None and len(chunk.voltage_v) != len(samples):
            raise TraceError(
                f"{self.path}: {len(samples)} samples, {len(chunk.voltage_v)} voltages"
            )
        if chunk.start_index < self.count:
            raise TraceError(
                f"{self.path}: samples from {chunk.start_index} after {self.count} were stored"
            )
        known = {(gap.start_index, gap.count) for gap in chunk.gaps}
        missing = (self.count, chunk.start_index - self.count)
        self.gaps += chunk.gaps
        if missing[1] and missing not in known:
            self.gaps.append(Gap(*missing))
        try:
            while self.count < chunk.start_index:  # NaN of our own: the library would warn
                lost = np.full(min(CHUNK, chunk.start_index - self.count), np.nan, np.float32)
                self._append(lost, lost)
            if len(samples):
                voltage = chunk.voltage_v
                self._append(
                    samples, None if voltage is None else np.ascontiguousarray(voltage, np.float32)
                )
            for edge in chunk.edges:
                self.edges.append(edge)
        except RuntimeError as error:
            raise TraceError(f"cannot write the trace {self.path}: {error}") from error
        if chunk.edges or chunk.gaps or missing[1]:
            self._write_sidecar(complete=False)

    def _append(self, samples: Floats, voltage_v: Floats | None) -> None:
        self._jls.fsr_f32(1, self.count, samples)
        if self.head.voltage_measured:
            self._jls.fsr_f32(2, self.count, voltage_v)
        self.count += len(samples)

    def infer(self, infer: Infer) -> None:
        """Note an `infer` command whose edges are in the trace."""
        self.infers.append(infer)
        self._write_sidecar(complete=False)

    def mark(self, name: str = "") -> None:
        """Note a moment: the end of the samples so far."""
        self.markers.append(Marker(self.count / self.head.rate_hz, name))
        self._write_sidecar(complete=False)

    def close(self) -> None:
        """Finish both files; raises TraceError when not every sample reached the disk."""
        with self._lock:  # a monitor that does not stop may still be writing
            if not self._open:
                return
            self._open = False
        try:
            self._annotate()
            if short := short_of(self.count):  # they are no samples
                for number in (1, 2)[: 1 + self.head.voltage_measured]:
                    self._jls.fsr_f32(number, self.count, np.full(short, np.nan, np.float32))
            self._jls.close()
            self.path.chmod(self.path.with_suffix(".json").stat().st_mode)  # pyjls has 0640
        except (OSError, RuntimeError) as error:
            raise TraceError(f"cannot finish the trace {self.path}: {error}") from error
        self._write_sidecar(complete=True)
        with open_trace(self.path) as stored:
            if not stored.complete:
                raise TraceError(
                    f"{self.path}: {stored.count} of {self.count} samples are on disk; is it full?"
                )

    def _annotate(self) -> None:
        """Show the edges in the Joulescope UI, as vertical markers, and what was noted as text."""
        kinds = _pyjls().AnnotationType
        shown = [(edge.time_s, kinds.VMARKER, str(n)) for n, edge in enumerate(self.edges)]
        shown += [(one.time_s, kinds.TEXT, one.name or "marker") for one in self.markers]
        for time_s, kind, text in sorted(shown, key=lambda one: one[0]):
            at = round(time_s * self.head.rate_hz)
            if 0 <= at < self.count:
                self._jls.annotation(1, at, float("nan"), kind, 0, text)

    def _write_sidecar(self, *, complete: bool) -> None:
        path = self.path.with_suffix(".json")
        sidecar = _Sidecar(
            complete=complete, count=self.count, head=self.head, edges=self.edges, gaps=self.gaps,
            infers=self.infers, markers=self.markers,
        )  # fmt: skip
        try:
            write_whole(path, msgspec.json.format(msgspec.json.encode(sidecar), indent=1) + b"\n")
        except OSError as error:
            raise TraceError(f"cannot write {path}: {error}") from error


def _check(head: TraceHead, path: Path) -> None:
    if head.unit not in UNITS:
        raise TraceError(f"{path}: samples in '{head.unit}': one of {', '.join(UNITS)} is known")
    if not 0 < head.rate_hz < float("inf"):
        raise TraceError(f"{path}: {head.rate_hz} samples a second are no rate")


def open_trace(path: Path, *, links: bool = True) -> Trace:
    """Open a stored trace by either of its files, or by the folder that holds only one.

    `links=False` in a folder that others wrote, as always where a folder is named. Raises
    TraceError: not there, damaged, or written by a newer version.
    """
    if path.is_dir():
        found = sorted(path.glob("*.jls"))
        if len(found) != 1:
            raise TraceError(f"{path}: {len(found)} traces (.jls) in this folder; name one")
        path, links = found[0], False
    sidecar = _read_sidecar(path.with_suffix(".json"), links)
    head = sidecar.head
    _check(head, path)
    jls = JlsFile(path.with_suffix(".jls"), links=links)
    name = UNITS[head.unit]
    wanted = [name, VOLTAGE] if head.voltage_measured else [name]
    missing = [signal for signal in wanted if signal not in jls.signals]
    if missing:
        jls.close()
        raise TraceError(f"{path}: has no signal '{missing[0]}'; is it another trace's .jls?")
    count = min(jls.signals[signal].length for signal in wanted)
    if count == sidecar.count + short_of(sidecar.count):
        count = sidecar.count

    def read(start: int, stop: int) -> tuple[Floats, Floats | None]:
        samples = jls.read(name, start, stop)
        return samples, jls.read(VOLTAGE, start, stop) if head.voltage_measured else None

    return Trace(
        head, count, read, sidecar.edges, sidecar.gaps, sidecar.infers, sidecar.markers,
        complete=sidecar.complete and count == sidecar.count, name=str(path), close=jls.close,
    )  # fmt: skip


class JlsFile:
    """A JLS file, read by signal names. Raises TraceError when it is none, or damaged."""

    def __init__(self, path: Path, *, links: bool = True) -> None:
        self.path = path
        try:
            open_regular(path, STREAM_MOST_B, links=links).close()
        except FileNotFoundError:
            raise TraceError(f"{path}: there is no such file") from None
        except OSError as error:
            raise TraceError(f"{path}: cannot be read: {error.strerror}") from error
        pyjls = _pyjls()
        try:
            self._reader = pyjls.Reader(str(path))
        except (RuntimeError, ValueError, OSError) as error:
            raise TraceError(
                f"{path}: not a JLS file of version 2, or damaged ({error}); the Joulescope UI "
                "converts older ones"
            ) from error
        fixed_rate = [
            s for s in self._reader.signals.values() if s.signal_type == 0 and s.signal_id
        ]
        self.signals: dict[str, Any] = {signal.name: signal for signal in fixed_rate}
        self.sources: dict[int, Any] = dict(self._reader.sources)

    def read(self, signal: str, start: int, stop: int) -> NDArray[Any]:
        """Return samples [start, stop) of a signal, in its own type; packed where it has 1 bit."""
        try:
            return self._reader.fsr(self.signals[signal].signal_id, start, stop - start)
        except (RuntimeError, ValueError) as error:
            raise TraceError(f"{self.path}: damaged near sample {start}: {error}") from error

    def start(self, signal: str) -> str:
        """Return the time of sample 0, ISO 8601 in UTC; empty when the file has none."""
        from datetime import UTC

        pyjls = _pyjls()
        try:
            at = self._reader.sample_id_to_timestamp(self.signals[signal].signal_id, 0)
            return datetime.fromtimestamp(pyjls.jls_to_utc(at), UTC).isoformat()
        except (RuntimeError, ValueError, OverflowError, OSError):
            return ""

    def close(self) -> None:
        self._reader.close()


def _read_sidecar(path: Path, links: bool) -> _Sidecar:
    try:
        raw = read_bytes(path, DOCUMENT_MOST_B, links=links)
    except FileNotFoundError:
        raise TraceError(
            f"{path}: there is no such file; a trace is a .jls and a .json of one name"
        ) from None
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        version = read_json(raw, type=_Format).format
        if version != FORMAT:
            raise TraceError(
                f"{path}: written in format {version}; this version reads format {FORMAT}: update "
                "tinybench"
            )
        return read_json(raw, type=_Sidecar)
    except msgspec.MsgspecError as error:
        raise TraceError(f"{path}: not the description of a trace: {error}") from error


class _Format(msgspec.Struct):
    format: int


def _pyjls() -> Any:
    """Import the library, which reports on stderr by itself; its errors come as exceptions too."""
    import pyjls

    logger = logging.getLogger("pyjls.c")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return pyjls
