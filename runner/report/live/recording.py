"""A live trace kept in files, begun and ended while it is shown."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tinybench.energy.trace import Chunk, Gap, TraceHead, TraceWriter


class Recording:
    """Writes what comes into a trace while it is on; each part that is recorded has a file.

    Raises TraceError where the disk refuses.
    """

    def __init__(self, head: TraceHead, out: Path | None) -> None:
        """Begin with `out`, if it is given; later parts have names of their own beside it."""
        self._head = head
        self._out = out
        self._writer: TraceWriter | None = None
        self._first: int | None = None
        """Sample of the live trace that is the first of the file."""
        self.files: list[Path] = []
        if out is not None:
            self._begin(out)

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def on(self) -> bool:
        """Whether what comes is recorded now."""
        return self._writer is not None

    def toggle(self) -> None:
        """Begin another file, or end the one that is written."""
        if self.on:
            self.end()
        else:
            self._begin(self._next())

    def write(self, chunk: Chunk) -> None:
        """Take a chunk; its times are counted from the first sample of the file."""
        if self._writer is None:
            return
        if self._first is None:  # -o, and a monitor that begins at 0
            self._first = 0 if self.files == [self._out] else chunk.start_index
        self._writer.write(_since(chunk, self._first, self._head.rate_hz))

    def mark(self, name: str) -> None:
        """Note a moment in the file that is written, if one is."""
        if self._writer is not None:
            self._writer.mark(name)

    def end(self) -> None:
        """Finish the file that is written, if one is."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def words(self) -> str:
        """Return what is recorded now, in words."""
        if self._writer is None:
            return "off"
        return f"{self._writer.count / self._head.rate_hz:.1f} s in {self._writer.path}"

    def _begin(self, path: Path) -> None:
        head = msgspec.structs.replace(self._head, start=datetime.now(UTC).isoformat())
        self._writer, self._first = TraceWriter(path, head), None
        self.files.append(self._writer.path)

    def _next(self) -> Path:
        """Return a name that no file has: with -o numbered, else of the moment."""
        at = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        wanted = Path(f"live-{at}.jls") if self._out is None else self._out
        path, number = wanted, 1
        while any(file.exists() or file.is_symlink() for file in (path, path.with_suffix(".json"))):
            number += 1
            path = wanted.with_stem(f"{wanted.stem}-{number}")
        return path


def _since(chunk: Chunk, first: int, rate_hz: float) -> Chunk:
    """Return a chunk whose counts and times begin at a sample."""
    if first == 0:
        return chunk
    edges = [
        msgspec.structs.replace(edge, time_s=edge.time_s - first / rate_hz)
        for edge in chunk.edges
        if edge.time_s >= first / rate_hz
    ]
    gaps = [
        Gap(gap.start_index - first, gap.count) for gap in chunk.gaps if gap.start_index >= first
    ]
    return Chunk(chunk.start_index - first, chunk.samples, chunk.voltage_v, edges, gaps)
