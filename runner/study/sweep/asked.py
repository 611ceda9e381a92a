"""What a sweep is asked for: which options, which values, and what is looked at."""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from tinybench.errors import UsageError

from ...build.engine import load_engine
from ...results.defaults import OURS
from ...results.request import is_recipe
from ..declared import board_asked, contents, task_asked
from ..kept import chosen
from .factors import FACTORS_MOST, Factor, insist_levels

OBJECTIVES = {
    "latency": ("latency_s", "estimated_latency_s", "instructions"),
    "energy": ("energy_per_inference_j", "estimated_energy_j"),
    "flash": ("flash_b",),
    "ram": ("ram_b",),
    "score": ("score",),
}
"""Figures that may stand for each, the best first; the first one that all runs have is taken."""
CELLS_MOST, REPEATS_MOST = 4096, 100
REACHED = ("port", "probe", "wait")
"""Words that say which board of a kind it is, and decide no figure."""
FILES = ("model", "data")
"""Words whose files decide, whatever these are called."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a study; how much of it is measured, its budget, may change."""

    study: str = "sweep"
    format: int = 2
    task: str
    board: str
    factors: dict[str, list[str]]
    objectives: list[str]
    repeats: int
    words: dict[str, Any]
    """Of all runs; files by what they hold."""
    meant: dict[str, dict[str, str]] = {}
    """What files hold that are levels, and of which kind boards of a desk are; by factor, level."""


def insist_factors(factors: Sequence[Factor], repeats: int) -> None:
    """Raise UsageError for options that are not varied together, or for too much of it."""
    for one, other in itertools.combinations(factors, 2):
        if one.name == other.name:
            raise UsageError(f"--by {one.name}: given twice")
        if one.key is not None and one.key == other.key:
            raise UsageError(f"--by {one.name} and --by {other.name} are one key: give it once")
    if not 1 <= len(factors) <= FACTORS_MOST:
        raise UsageError(f"{len(factors)} options are varied: 1 to {FACTORS_MOST}, by --by")
    count = math.prod(len(one.levels) for one in factors)
    if count > CELLS_MOST:
        raise UsageError(
            f"{count} combinations, more than {CELLS_MOST}: give fewer values, or fewer --by"
        )
    if repeats > REPEATS_MOST:
        raise UsageError(f"--repeats {repeats}: at most {REPEATS_MOST}")


def ask(
    factors: Sequence[Factor],
    words: dict[str, Any],
    objectives: Sequence[str],
    repeats: int,
    folder: Path,
) -> Asked:
    """Return what a study is asked for, checked. Raises UsageError."""
    insist_factors(factors, repeats)
    insist_levels(factors, words, folder)
    said = {
        name: _told(name, str(value)) or value
        for name, value in words.items()
        if value not in (None, False, ()) and name not in REACHED
    }
    board = board_asked(str(words["board"])).name
    return Asked(
        task=task_asked(str(words.get("task", ""))).name, board=board,
        factors={one.name: list(one.levels) for one in factors},
        objectives=chosen("--objectives", objectives, tuple(OBJECTIVES)), repeats=repeats,
        words=msgspec.to_builtins(said, enc_hook=str), meant=_meant(factors),
    )  # fmt: skip


def _told(name: str, value: str) -> str | None:
    """Return what decides of a word's value, where that is not the value itself."""
    if name == "board":
        named = board_asked(value)
        return f"sha256:{named.sha256}" if named.sha256 else named.name
    if name == "engine":
        named_here = value == OURS or is_recipe(value)
        return None if named_here else f"sha256:{load_engine(Path(value)).sha256}"
    return contents(Path(value)) if name in FILES or value.endswith(".toml") else None


def _meant(factors: Sequence[Factor]) -> dict[str, dict[str, str]]:
    """Return what decides of levels, where that is not what they are called."""
    found = dict[str, dict[str, str]]()
    for one in factors:
        told = {level: _told(one.name, level) or level for level in one.levels}
        if other := {level: text for level, text in told.items() if text != level}:
            found[one.name] = other
    return found
