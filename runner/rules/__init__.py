"""The run rules: read a stored result, say of each rule whether it is kept.

Judging is apart from measuring: the same functions judge a result now, and an old one again, by
any profile. `judged` is the verdict on a result; `changed_files` and `evidence` hold the folder
of a run against itself, and `check_folder` says what they find broken.

A result is valid when no rule is broken: `judged(...).valid`. `verdict.violations` are the broken
rules with what to change; `verdict.not_judged` those that the result says too little for: they
never pass silently; `verdict.mlperf` is whether the profile asks for no less than MLPerf Tiny.

Ref: MLPerf Tiny Rules (mlcommons/tiny, benchmark/MLPerfTiny_Rules.adoc); energyrunner README.
"""

import hashlib
from functools import cache
from pathlib import Path

from tinybench.errors import RunFolderError

from ..build.task import Task, load_task
from ..build.task import names as task_names
from ..results.result import Result
from . import accuracy, clock, energy, figures, inputs, outputs, performance, run, scenario, stream
from .evidence import changed_files, evidence, stands
from .evidence.clauses import EVIDENCE
from .profile import WINDOW_MIN_S, WINDOWS, Profile, default_profile, load_profile, names
from .rule import (
    DEFAULT_PROFILE,
    ENERGY_README,
    README,
    RULES,
    Rule,
    Ruling,
    Verdict,
    Violation,
    judged_under,
)

__all__ = [
    "DEFAULT_PROFILE",
    "ENERGY_README",
    "EVIDENCE",
    "README",
    "RULES",
    "WINDOWS",
    "WINDOW_MIN_S",
    "Profile",
    "Rule",
    "Ruling",
    "Verdict",
    "Violation",
    "changed_files",
    "check",
    "check_folder",
    "default_profile",
    "evidence",
    "insist_intact",
    "judged",
    "judged_under",
    "load_profile",
    "names",
    "sha256",
    "stands",
]


def judged(result: Result, task: Task, profile: Profile | None = None) -> Verdict:
    """Return what each rule of a profile says of a result; by default the published run rules."""
    profile = (profile or default_profile()).on(result.core)
    found = [*run.rulings(result, task, profile), *inputs.rulings(result, task)]
    if result.mode in ("accuracy", "all"):
        found += accuracy.rulings(result, task, profile)
    if result.mode in ("performance", "all"):
        found += performance.rulings(result, profile)
    if result.mode == "scenario":
        found += scenario.rulings(result, profile)
    if result.mode == "stream":
        found += stream.rulings(result, profile)
    if result.mode == "energy" or result.energy is not None:
        found += energy.rulings(result, profile)
    found += clock.rulings(result)
    found += figures.rulings(result)
    found += outputs.rulings(result)
    # A scenario is MLPerf Inference's: MLPerf Tiny has none.
    mlperf = profile.mlperf and result.mode != "scenario" and _of_mlperf(task)
    return Verdict(profile.name, mlperf, found)


def _of_mlperf(task: Task) -> bool:
    """Return whether a task is one of MLPerf Tiny, with its own rules, whatever its file says."""
    published = _published(task.name)
    return published is not None and (task.model_id, task.metric, task.result, task.rules) == (
        published.model_id,
        published.metric,
        published.result,
        published.rules,
    )


@cache
def _published(name: str) -> Task | None:
    """Return the packaged task of a name; a thousand runs of one are judged by it."""
    return load_task(name) if name in task_names() else None


def check(result: Result, task: Task, profile: Profile | None = None) -> list[Violation]:
    """Return the rules that `result` breaks; an empty list means that it is valid."""
    return judged(result, task, profile).violations


def check_folder(result: Result, folder: Path) -> list[Violation]:
    """Return what stands against a run folder: files that were changed, figures never measured."""
    found = [*changed_files(result, folder), *evidence(result, folder)]
    return [ruling.violation() for ruling in found if ruling.state == "broken"]


def insist_intact(result: Result, folder: Path) -> Result:
    """Return the result of a run folder that agrees with itself; reads all of the folder.

    Raises RunFolderError: what it says is not what was measured.
    """
    broken = [one for one in check_folder(result, folder) if one.rule in EVIDENCE]
    if broken:
        raise RunFolderError(
            f"{folder}: the evidence of this run is broken: {broken[0].rule}: {broken[0].found}; "
            f"all of it says: tinybench check {folder}"
        )
    return result


def sha256() -> str:
    """Return a hash of the rules themselves: other ones may judge otherwise."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()
