"""What a sweep is asked for: which options, which values, and what is looked at."""

import hashlib
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from tinybench.errors import UsageError
from tinybench.files import STREAM_MOST_B, open_regular

from ..kept import chosen
from ..runs import kind_here
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
        name: contents(Path(value)) if name in FILES else value
        for name, value in words.items()
        if value not in (None, False, ()) and name not in REACHED
    }
    said["board"] = kind_here(str(words["board"]))
    return Asked(
        task=str(words.get("task", "")), board=said["board"],
        factors={one.name: list(one.levels) for one in factors},
        objectives=chosen("--objectives", objectives, tuple(OBJECTIVES)), repeats=repeats,
        words=msgspec.to_builtins(said, enc_hook=str),
    )  # fmt: skip


def contents(path: Path) -> str:
    """Return a SHA-256 of a file, or of a folder's files and their names. Raises UsageError."""
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    try:
        for one in files:
            with open_regular(one, STREAM_MOST_B) as file:
                own = hashlib.file_digest(file, "sha256").digest()
            digest.update(one.relative_to(path).as_posix().encode() + b"\0" + own)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    return f"sha256:{digest.hexdigest()}"
