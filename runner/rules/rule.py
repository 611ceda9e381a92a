"""What a rule is, what it says of a result, and the verdict that all of them make."""

from typing import Literal

import msgspec

from tinybench.plural import counted

README = "energyrunner README, performance mode"
ENERGY_README = "energyrunner README, energy mode"
DATASETS = "energyrunner datasets README"
RULES = "MLPerf Tiny Rules"
MOBILE = "MLPerf Mobile app"
CHECKER = "MLPerf Tiny submission checker"

DEFAULT_PROFILE = "mlperf-tiny"

State = Literal["kept", "broken", "not judged", "declared"]


class Violation(msgspec.Struct, frozen=True):
    """A broken rule: its name and clause, what it wants, what the result has, what to change."""

    rule: str
    clause: str
    wanted: str
    found: str
    advice: str


class Ruling(msgspec.Struct, frozen=True):
    """What one rule says of a result."""

    rule: str
    clause: str
    """Where the rule is published."""
    wanted: str
    found: str
    state: State
    """"not judged": the result does not hold what the rule is about; "declared": no program can
    judge it, the submitter answers for it, and `found` is what speaks for or against it."""
    advice: str = ""
    """What to change where it is broken."""

    def violation(self) -> Violation:
        """Return it as a broken rule."""
        return Violation(self.rule, self.clause, self.wanted, self.found, self.advice)


class Rule(msgspec.Struct, frozen=True):
    """A rule by its name, with the clause it comes from."""

    name: str
    clause: str

    def kept(self, wanted: str, found: str) -> Ruling:
        """Return that the result keeps it."""
        return Ruling(self.name, self.clause, wanted, found, "kept")

    def broken(self, wanted: str, found: str, advice: str) -> Ruling:
        """Return that the result breaks it, and what to change."""
        return Ruling(self.name, self.clause, wanted, found, "broken", advice)

    def judged(self, kept: bool, wanted: str, found: str, advice: str) -> Ruling:
        """Return whether the result keeps it, and what to change if not."""
        return self.kept(wanted, found) if kept else self.broken(wanted, found, advice)

    def not_judged(self, wanted: str, why: str) -> Ruling:
        """Return that the result does not say enough to judge it."""
        return Ruling(self.name, self.clause, wanted, why, "not judged")

    def declared(self, wanted: str, found: str) -> Ruling:
        """Return that the submitter answers for it, and what the result says of it."""
        return Ruling(self.name, self.clause, wanted, found, "declared")


class Verdict(msgspec.Struct, frozen=True):
    """All rulings on a result, by the rules of one profile."""

    profile: str
    mlperf: bool
    """Whether no less than the MLPerf Tiny run rules was asked for, of one of its tasks."""
    rulings: list[Ruling]

    def __repr__(self) -> str:
        """Return the verdict in words: an assertion that fails shows this."""
        return f"<verdict: {self.words}>"

    @property
    def violations(self) -> list[Violation]:
        """The broken rules; empty for a valid result."""
        return [one.violation() for one in self.rulings if one.state == "broken"]

    @property
    def valid(self) -> bool:
        """Whether no rule is broken."""
        return not self.violations

    @property
    def not_judged(self) -> list[Ruling]:
        """The rules that were not judged."""
        return [one for one in self.rulings if one.state == "not judged"]

    @property
    def words(self) -> str:
        """The verdict in words, which never call a result valid for what it was not judged by."""
        under = judged_under(self.profile, self.mlperf)
        if self.violations:
            return f"not valid{under}: {counted(len(self.violations), 'rule')} broken"
        return f"valid{under}"


def judged_under(profile: str, mlperf: bool) -> str:
    """Return what stands behind "valid" where it is not the published rules that say so."""
    under = "" if profile == DEFAULT_PROFILE else f" under profile {profile}"
    return under if mlperf else under + ", not an MLPerf result"
