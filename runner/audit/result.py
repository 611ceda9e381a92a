"""What an audit finds: of each run its figures, its broken rules and what was not looked at."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from ..rules import Violation

Outcome = Literal["reproduced", "as printed", "differs", "cannot be computed"]
Grade = Literal["figure", "rule", "paperwork", "sound"]
"""The figure is wrong; a rule is broken; something is missing or misnamed; none of these."""
GRADES: tuple[Grade, ...] = ("figure", "rule", "paperwork", "sound")
"""The worst first."""
WORDS: dict[Grade, str] = {
    "figure": "the figure is wrong",
    "rule": "a rule is broken",
    "paperwork": "paperwork",
    "sound": "sound",
}
OF_FIGURE = {"figure", "files-differ", "unit", "dut-clock"}
OF_PAPER = {
    "missing-log", "missing-results", "missing-trace", "missing-mode", "missing-system",
    "unreadable-file", "mode-name", "unit-name", "symbolic-links", "file-size",
    "undecodable-bytes", "garbled-line", "line-noise", "unnamed-inputs",
}  # fmt: skip
"""All other rules are of the benchmark itself."""


def grade_of(rule: str) -> Grade:
    """Return how much a broken rule weighs."""
    if rule in OF_FIGURE:
        return "figure"
    return "paperwork" if rule in OF_PAPER else "rule"


def worst(grades: Iterable[Grade]) -> Grade:
    """Return the worst of some grades."""
    return min([*grades, GRADES[-1]], key=GRADES.index)


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A published figure beside what the run's own files give."""

    name: str
    unit: str
    published: str
    """As printed."""
    recomputed: str | None
    """With as many decimals; None where the files behind the figure are missing."""
    reproduced: bool | None
    """None where it could not be computed, or from printed figures only."""
    source: str
    """What it was computed from."""
    as_printed: bool = False
    """Whether it agrees with printed figures of the run only, which prove nothing of it."""
    corrected: str | None = None
    """What it should have been, where that can be computed and is another."""
    correction: str = ""
    """Where the corrected figure is from."""

    @property
    def outcome(self) -> Outcome:
        """How it compares with what was published."""
        if self.reproduced is None:
            return "as printed" if self.as_printed else "cannot be computed"
        return "reproduced" if self.reproduced else "differs"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One mode of one task of one system."""

    path: str
    round: str
    division: str
    submitter: str
    system: str
    task: str
    """Model id."""
    mode: str
    inferences: int
    figures: list[Figure]
    violations: list[Violation]
    notes: list[str]
    grade: Grade = "sound"
    """The worst of its broken rules."""

    @property
    def sound(self) -> bool:
        """Whether no figure differs and no rule is broken; some may be beyond computing."""
        return not self.violations and all(f.reproduced is not False for f in self.figures)


class System(msgspec.Struct, frozen=True, kw_only=True):
    """One system of one submission, rolled up."""

    round: str
    division: str
    submitter: str
    system: str
    tasks: list[str]
    runs: int
    grade: Grade
    reproduced: int
    """How many figures."""
    as_printed: int
    differing: int
    not_recomputable: int
    broken: dict[Grade, int]
    """How many broken rules of each grade."""
    corrected: list[str]
    """Figures that should have been others: task, figure, published and corrected value."""
    worst: str
    """The first of its gravest broken rules."""


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """A whole tree."""

    path: str
    runs: list[Run]
    violations: list[Violation]
    """Of the tree itself."""
    notes: list[str]
    reproduced: int
    """How many figures."""
    differing: int
    not_recomputable: int
    """... for their files are not published."""
    as_printed: int = 0
    systems: list[System] = []
    """One row a system and submission, the gravest first."""
    grades: dict[str, Grade] = {}
    """Of each rule that is broken."""
    valid: bool
    """No figure differs and no rule is broken; how many are unproved is counted beside it."""
