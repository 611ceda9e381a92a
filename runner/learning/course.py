"""The course of a run that learns: its quality after so many samples, seconds and joules."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from tinybench.errors import RunFolderError
from tinybench.files import DOCUMENT_MOST_B, read_bytes, write_whole
from tinybench.read import read_json

COURSE_FILE = "learning.json"
COURSES_MOST = 10_000
Origin = Literal["measured", "emulated", "estimated", "modelled", "simulated"]
"""What a figure is; never one for another."""


class Point(msgspec.Struct, frozen=True):
    """An evaluation on held-out inputs, which itself takes none of the time."""

    samples: int
    """Learnt from until then, each as often as it was."""
    time_s: float
    energy_j: float | None
    score: float


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A run from its first weights to its end."""

    format: int = 1
    what: str
    """What learns what, on what: runs of the same words are compared."""
    seed: int
    batch: int
    """Samples between two changes of the weights that all share."""
    target: float
    """Quality to reach, a share of 1."""
    metric: str = "top1"
    time: Origin
    energy: Origin | None
    points: list[Point]
    ended: str
    """"target", or why the run ended without."""

    @property
    def reached(self) -> Point | None:
        """The first evaluation that has the quality; None where none has."""
        return next((one for one in self.points if one.score >= self.target), None)

    @property
    def best(self) -> float:
        """The best score of any evaluation."""
        return max((one.score for one in self.points), default=0.0)


def write_course(folder: Path, course: Course) -> None:
    """Write a course into a folder of its own. Raises RunFolderError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = msgspec.json.format(msgspec.json.encode(course), indent=2) + b"\n"
        write_whole(folder / COURSE_FILE, text)
    except OSError as error:
        raise RunFolderError(f"cannot write into {folder}: {error}") from error


def read_course(folder: Path) -> Course:
    """Return the course in a folder. Raises RunFolderError."""
    path = folder / COURSE_FILE
    try:
        found = read_json(read_bytes(path, DOCUMENT_MOST_B, links=False), type=Course)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error.strerror or error}") from error
    except msgspec.MsgspecError as error:
        raise RunFolderError(f"{path}: no course of a run that learns: {error}") from error
    if found.format != 1:
        raise RunFolderError(f"{path}: of format {found.format}, which a newer tinybench wrote")
    samples = [point.samples for point in found.points]
    if samples != sorted(samples) or found.batch < 1:
        raise RunFolderError(f"{path}: its points are not in order, or its batch is none")
    return found


def find_courses(roots: Sequence[Path]) -> list[tuple[Path, Course]]:
    """Return every course at or below these folders; links are not followed.

    Raises RunFolderError where a folder has none, or one cannot be read.
    """
    found: dict[Path, Course] = {}
    for root in roots:
        below = list(_folders(root))
        if not below:
            raise RunFolderError(
                f"{root}: no {COURSE_FILE} in it or below; 'tinybench fleet' writes one for each "
                "run, 'tinybench train' for each seed"
            )
        if len(below) + len(found) > COURSES_MOST:
            raise RunFolderError(f"{root}: more than {COURSES_MOST} runs: name some of them")
        found |= {folder: read_course(folder) for folder in below}
    return list(found.items())


def _folders(root: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(root):
        below.sort()
        if COURSE_FILE in names:
            yield Path(folder)
