"""Progress of long work: a bar with an ETA in a terminal or notebook, plain lines elsewhere."""

import os
import time
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import TextIO, TypeVar

from tinybench.track import Track, silent

T = TypeVar("T")

LINE_PERIOD_S = 10.0
"""Without a terminal, one line at most this often."""


DUMB = ("dumb", "unknown")
"""Terminals that cannot go back in a line."""


def track_for(stream: TextIO) -> Track:
    """Return the progress display that fits `stream`."""
    return _bars(stream) if redraws(stream) or _can_draw() else _lines(stream)


def redraws(stream: TextIO) -> bool:
    """Return whether `stream` is a terminal that can go back in a line."""
    return stream.isatty() and os.environ.get("TERM", "") not in DUMB


def track_if_watched(stream: TextIO) -> Track:
    """Return the progress display that fits `stream`, and none where nobody looks at it."""
    return track_for(stream) if stream.isatty() or _in_notebook() else silent


def _in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    from rich.console import Console

    return Console().is_jupyter


def _can_draw() -> bool:
    """Return whether bars can be drawn here, in a notebook: by its widgets, where they are."""
    return _in_notebook() and find_spec("ipywidgets") is not None


def _bars(stream: TextIO) -> Track:
    def track(items: Iterable[T], label: str, total: int) -> Iterator[T]:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description:<12}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("elapsed"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(file=stream)) as progress:
            bar = progress.add_task(label, total=total)
            for item in items:
                yield item
                progress.advance(bar)

    return track


def _lines(stream: TextIO) -> Track:
    def track(items: Iterable[T], label: str, total: int) -> Iterator[T]:
        start_s = shown_s = time.monotonic()
        done = 0
        for item in items:
            yield item
            done += 1
            now_s = time.monotonic()
            if now_s - shown_s >= LINE_PERIOD_S and done < total:
                shown_s = now_s
                left_s = (now_s - start_s) / done * (total - done)
                stream.write(f"{label}: {done} of {total}, about {left_s:.0f} s left\n")
        took_s = time.monotonic() - start_s
        stream.write(f"{label}: {done} of {total} in {took_s:.1f} s\n")

    return track
