"""Name the rules that runs break together: modes of a system, logs of two, systems of a tree."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tinybench.files import STREAM_MOST_B, open_regular

from ...rules import RULES, Violation
from ...rules.rule import CHECKER
from ..clone import Clones
from ..text import FILE_LIMIT_B
from ..tree import Place

SHARE_MAX = 0.2
"""By how much the time of one inference may differ between modes; single ones have cold caches."""
SLACK_S = {"accuracy": 2e-3, "energy": 1e-4}
"""... and by so much more at least: a single inference has the overhead of its command."""
CHUNK_B = 1 << 20


def modes(seconds: Mapping[str, float]) -> Iterator[tuple[str, Violation]]:
    """Yield modes in which an inference takes another time than in performance mode.

    `seconds`: of one inference, by mode.
    """
    reference_s = seconds.get("performance")
    if reference_s is None:
        return
    for mode, slack_s in SLACK_S.items():
        found_s = seconds.get(mode)
        if found_s is None:
            continue
        low_s, high_s = sorted((reference_s, found_s))
        if high_s > low_s * (1 + SHARE_MAX) and high_s - low_s > slack_s:
            yield (
                mode,
                Violation(
                    "modes-contradict",
                    RULES + ", every mode is of one system",
                    f"{reference_s * 1e3:.4g} ms an inference, as in performance mode",
                    f"{found_s * 1e3:.4g} ms in {mode} mode",
                    "run all modes on the system as it is described",
                ),
            )


def digest(path: Path) -> str:
    """Return the SHA-256 of a log, of as much as is read of it. Raises OSError."""
    found, left = hashlib.sha256(), FILE_LIMIT_B
    with open_regular(path, STREAM_MOST_B) as file:
        while left > 0 and (data := file.read(min(CHUNK_B, left))):
            found.update(data)
            left -= len(data)
    return found.hexdigest()


def same_log(name: str, other: str) -> Violation:
    """Return that a log is another system's, too."""
    return Violation(
        "same-log",
        RULES + ", results are measured on the system",
        "a log of the system's own",
        f"{name} is {other}, byte by byte",
        "publish the log of each system",
    )


def description(place: Place, top: Path, clones: Clones) -> tuple[Violation | None, str]:
    """Return the missing description of a system; and what is to be noted instead."""
    submission = place.submission
    if submission is None or not submission.is_relative_to(top):
        return None, ""
    system = place.folder.relative_to(submission).parts[1:2]
    folder = submission / "systems"
    if not place.system or not system:
        return None, ""
    plain = folder.is_dir() and not folder.is_symlink()
    here = {path.name for path in folder.iterdir()} if plain else set[str]()
    wanted = _key(system[0] + ".json")
    if any(_key(name) == wanted for name in here):
        return None, ""
    if any(_key(name) == wanted for name in clones.files(folder)):
        return None, f"published, and not in this clone: systems/{system[0]}.json"
    if not plain and not clones.known(submission):
        return None, "no folder systems beside the results: what describes the system is not judged"
    return Violation(
        "missing-system",
        CHECKER,
        f"systems/{system[0]}.json",
        "no description of the system",
        "publish it",
    ), ""


def _key(name: str) -> str:
    """Return a name as the eye takes it: some submitters write - for _ or other cases."""
    return "".join(c for c in name.lower() if c.isalnum())
