"""Where a study is done, on which boards, and who hears of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinybench.track import Track


@dataclass(frozen=True)
class Work:
    """What all studies on a board are told besides what they ask."""

    folder: Path
    """Of the study; what it has is not done again."""
    words: dict[str, Any]
    """Of a run on the board; none where a study is on this computer alone."""
    track: Track
    say: Callable[[str], None]
    shards: int = 1
    """At a time: boards, and without a board trials on this computer."""
    boards: tuple[str, ...] = ()
    """Names of several of this desk; none: emulated ones, or one board."""
