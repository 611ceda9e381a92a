"""A recorded trace in the place of a monitor, as fast as it can be read.

driver = "replay"
port = "runs/NAME/energy.jls"
"""

from collections.abc import Iterator
from pathlib import Path

from tinybench.errors import UsageError

from ..monitor import Found, MonitorSpec
from ..trace import Chunk, Trace, TraceHead, open_trace

USB_IDS: list[str] = []


def open(spec: MonitorSpec) -> "Replay":  # noqa: A001 - the name every driver has
    """Open a stored trace as a monitor. Raises TraceError when it cannot be read."""
    if spec.port is None:
        raise UsageError("a replay needs the path of a trace as port")
    return Replay(open_trace(Path(spec.port)))


def attached() -> list[Found]:
    """Return nothing: files are not attached."""
    return []


class Replay:
    """An open trace; made by `open`."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._stopping = False

    @property
    def head(self) -> TraceHead:
        """What was recorded."""
        return self._trace.head

    def power_on(self) -> None:
        """Do nothing: it is long done."""

    def power_off(self) -> None:
        """Do nothing: it is long done."""

    def read_voltage(self) -> float | None:
        """Return the voltage that was read back then."""
        return self._trace.head.voltage_v

    def start(self) -> None:
        """Start at sample 0."""
        self._stopping = False

    def chunks(self, silent_s: float = 3.0) -> Iterator[Chunk]:  # noqa: ARG002
        """Yield the trace; see `Monitor.chunks`."""
        rate_hz = self._trace.head.rate_hz
        for chunk in self._trace.chunks():
            if self._stopping:
                return
            stop = chunk.start_index + len(chunk.samples)
            inside = range(chunk.start_index, stop)
            last = stop == self._trace.count
            edges = [
                edge
                for edge in self._trace.edges
                if int(edge.time_s * rate_hz) in inside or (last and edge.time_s * rate_hz >= stop)
            ]
            gaps = [gap for gap in self._trace.gaps if gap.start_index in inside]
            yield Chunk(chunk.start_index, chunk.samples, chunk.voltage_v, edges, gaps)

    def stop(self) -> None:
        """Ask `chunks` to end."""
        self._stopping = True

    def close(self) -> None:
        """Close the files."""
        self._trace.close()
