"""A profile of short windows, where what is tested does not hang on their length."""

from pathlib import Path

PROFILE = """\
name = "brief"
title = "windows of a second on part of the set"
source = "none"
accuracy_inputs = 8
windows = 5
window_min_s = 1.0
"""


def brief(folder: Path) -> list[str]:
    """Return the words that make a run brief; the profile is written to a folder."""
    path = folder / "brief.toml"
    path.write_text(PROFILE)
    return ["--profile", str(path)]
