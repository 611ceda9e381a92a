"""A stored run judged again, by the rules of today and any profile."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tinybench.errors import RunFolderError
from tinybench.printable import one_line

from .. import rules
from ..build import task as tasks
from ..results.result import Result, read_result
from . import Verdict, Violation


@dataclass(frozen=True)
class Outcome:
    """A result, its verdict, and where it is stored."""

    result: Result
    verdict: Verdict
    folder: Path

    def __repr__(self) -> str:
        """Return what it is of and the verdict: an assertion that fails shows this."""
        where = one_line(f"{self.result.task} on {self.result.board}")
        return f"<outcome: {where}: {self.verdict.words}>"

    @property
    def violations(self) -> list[Violation]:
        """The broken rules."""
        return self.verdict.violations


def judge(folder: Path, profile: str | None = None, *, thorough: bool = False) -> Outcome:
    """Judge a stored result again, by the task and the profile that are stored with it.

    `profile`: by another one. `thorough`: also hold the result against its journal, transcript
    and trace, which reads the whole folder. Raises RunFolderError when there is none that can be
    read, UsageError for an unknown profile.
    """
    result = read_result(folder)
    folder = folder if folder.is_dir() else folder.parent
    task = tasks.load_task(
        _declared(folder / "task.toml", "task", result.task, tasks.names(), "run it again")
    )
    judged_by = rules.load_profile(
        profile
        or _declared(
            folder / "profile.toml",
            "profile",
            result.profile,
            rules.names(),
            f"judge it by another one: --profile {rules.DEFAULT_PROFILE}",
        )
    )
    verdict = rules.judged(result, task, judged_by)
    held = rules.changed_files(result, folder)
    if thorough:
        held += [*rules.evidence(result, folder)]
    return Outcome(
        result, Verdict(verdict.profile, verdict.mlperf, [*held, *verdict.rulings]), folder
    )


def _declared(stored: Path, what: str, name: str, known: Collection[str], advice: str) -> str:
    """Return the declaration that is stored with a run, or the name of the packaged one.

    Raises RunFolderError when there is neither.
    """
    if stored.is_symlink():
        raise RunFolderError(f"{stored}: a link, which is not followed in the folder of a run")
    if stored.exists():
        return str(stored)
    if name not in known:
        raise RunFolderError(
            f"{stored}: there is no such file, and the package has no {what} '{name}'; {advice}"
        )
    return name
