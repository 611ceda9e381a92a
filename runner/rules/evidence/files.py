"""The files of a run, by the hashes in its result and in its seal."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tinybench.files import STREAM_MOST_B

from ...results.recorded import is_evidence
from ...results.result import RESULT_FILE, Result
from ...results.seal import SEAL_FILE, file_sha256, read_seal
from ..rule import Rule, Ruling
from .clauses import AGAIN, SEALED, STORED_FILES


def stored(result: Result, folder: Path) -> Iterator[Ruling]:
    """Judge the files that decided the result, and the seal of the result itself."""
    if not result.files_sha256 and result.provenance is not None:
        yield STORED_FILES.broken("the files that the run used", "not one is named", AGAIN)
    yield from _each(folder, result, evidence=False)
    yield _result_sealed(result, folder)


def sealed(result: Result, folder: Path) -> Iterator[Ruling]:
    """Judge journal, transcripts and trace by the result, and every file by its seal."""
    yield from _each(folder, result, evidence=True)
    seal = {name: was for name, was in (read_seal(folder) or {}).items() if name != RESULT_FILE}
    if seal:
        unsealed = [name for name in result.files_sha256 if name not in seal]
        for name in unsealed[:1]:
            yield SEALED.broken(f"{name} in {SEAL_FILE}", "it is not there", AGAIN)
    found = _files(SEALED, folder, seal)
    broken = [one for one in found if one.state == "broken"]
    yield from broken
    if found and not broken:
        yield SEALED.kept(f"every file of {SEAL_FILE}", f"{len(found)} files, as written")


def _each(folder: Path, result: Result, *, evidence: bool) -> Iterator[Ruling]:
    named = result.files_sha256.items()
    wanted = {name: sha256 for name, sha256 in named if is_evidence(name) == evidence}
    found = _files(STORED_FILES, folder, wanted)
    broken = [one for one in found if one.state == "broken"]
    yield from broken
    if found and not broken:
        what = "journal, transcripts and trace" if evidence else "the files that the run used"
        yield STORED_FILES.kept(what, f"{len(found)} files, as used")


def _files(rule: Rule, folder: Path, named: Mapping[str, str]) -> list[Ruling]:
    """Judge files by their hashes; no more is read of all of them together than of a large one."""
    found: list[Ruling] = []
    left_b = STREAM_MOST_B
    for name, sha256 in named.items():
        found.append(_file(rule, folder, name, sha256, left_b))
        with contextlib.suppress(OSError, ValueError):
            left_b = max(0, left_b - (folder / name).lstat().st_size)
    return found


def _file(rule: Rule, folder: Path, name: str, sha256: str, most_b: int = STREAM_MOST_B) -> Ruling:
    try:
        digest = file_sha256(folder, name, most_b)
        found = f"{digest[:16]}..."
    except OSError as error:
        digest, found = "", error.strerror or str(error)
    return rule.judged(digest == sha256, f"{name} with SHA-256 {sha256[:16]}...", found, AGAIN)


def _result_sealed(result: Result, folder: Path) -> Ruling:
    wanted = f"a {RESULT_FILE} as it was written"
    seal = read_seal(folder)
    if seal is None or RESULT_FILE not in seal:
        if result.provenance is None:
            return SEALED.not_judged(wanted, "written by a version without a seal")
        return SEALED.broken(wanted, f"no {SEAL_FILE} that can be read", AGAIN)
    return _file(SEALED, folder, RESULT_FILE, seal[RESULT_FILE])
