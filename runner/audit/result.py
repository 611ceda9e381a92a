"""What an audit finds: of each run its figures, its broken rules and what was not looked at."""

import msgspec

from ..rules import Violation


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A published figure beside what the run's own files give."""

    name: str
    unit: str
    published: str
    """As printed."""
    recomputed: str | None
    """With as many decimals; None where the files behind the figure are missing."""
    reproduced: bool | None
    """None where it could not be computed."""
    source: str
    """What it was computed from."""


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

    @property
    def sound(self) -> bool:
        """Whether no figure differs and no rule is broken; some may be beyond computing."""
        return not self.violations and all(f.reproduced is not False for f in self.figures)


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
    valid: bool
    """No figure differs and no rule is broken; `not_recomputable` says how many are unproved."""
