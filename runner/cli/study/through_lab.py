"""A study that a lab does: its parts are jobs, whose folders are taken and gathered here."""

import contextlib
import dataclasses
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from tinybench.errors import BenchError, RunFolderError, UsageError
from tinybench.files import DOCUMENT_MOST_B, lock_file, read_bytes, write_whole
from tinybench.read import read_json

from ...results.asked import ASKED_FILE
from ...results.defaults import DEFAULT_BOARD, PARTS_FIRST
from ...study.asking.options import OPTIONS, PARTS_MOST
from ..output import Voice
from ..tree import TYPED, typed
from .taking import take
from .words import folder_of

if TYPE_CHECKING:
    from ...lab.ask import Lab
    from ...lab.job import Job
    from ...lab.jobs_file import Series

LONGEST_S = 7 * 24 * 3600.0
LAB_FILE = "lab.json"
KEYS = ("task", "board", "emulate", "model", "csv")
"""Options that a jobs.toml has keys for."""
HERE = ("out", "to", "json", "verbose", "quiet", "lab", "at", "parts")
"""Options that are of this computer, in a lab too."""


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """What a lab was asked for, kept beside the folder of the study until all is gathered."""

    at: str
    series: dict[str, Any]
    """As in a jobs.toml."""
    sent: dict[str, str]
    """SHA-256 of what was sent with it."""
    parts: int
    jobs: dict[str, int] = {}
    """Of each part its job."""
    first: str = ""
    """While it is asked for more, the name of the first series, which no other has: by it that is
    found whose answer did not come."""


def in_lab(
    voice: Voice,
    do: Callable[..., int],
    study: str,
    lab: Path | None,
    at: str,
    parts: int | None,
    said: dict[str, Any],
) -> int:
    """Ask a lab for a study, or go on with what it was asked for, and gather what came of it."""
    from ...lab.ask import Lab, lab_folder
    from ...lab.job import insist

    out = folder_of(said["out"], study, said.get("task"))
    if (out / "study.json").is_file():
        voice.note(f"{out} has a finished study: nothing is asked of the lab")
        return do(voice, **{**said, "out": out, "board": said.get("board") or DEFAULT_BOARD})
    beside = _beside(out)
    _insist_free(out, study)
    reached = Lab(at, lab_folder(lab))
    series, sent, job = _series(study, said)
    with _alone(beside):
        asked = _kept(beside)
        if asked is None:
            count = parts or _fitting(reached, job)
            if count > PARTS_MOST:
                raise UsageError(f"--parts {count}: at most {PARTS_MOST}")
            insist(msgspec.structs.replace(job, parts=count))
            hashes = {name: sha256 for name, (sha256, _) in sent.items()}
            asked = Submitted(
                at=at, series=msgspec.to_builtins(series), sent=hashes, parts=count
            )  # fmt: skip
        else:
            _insist_same(beside, asked, series, sent, at, parts)
        board = _parts_done(voice, reached, beside, asked, sent, out)
        folders = tuple(beside / _name(part) for part in range(1, asked.parts + 1))
        status = do(voice, **{**said, "out": out, "board": board, "gather": folders})
        shutil.rmtree(beside, ignore_errors=True)
        return status


def _beside(out: Path) -> Path:
    """Return the folder of what a lab is asked for, beside that of a study. Raises UsageError."""
    whole = Path(os.path.abspath(out))  # noqa: PTH100 - it follows no link
    if not whole.name:
        raise UsageError(f"-o {out}: nothing can lie beside that; name a folder in it")
    return whole.with_name(f"{whole.name}.lab")


@contextlib.contextmanager
def _alone(beside: Path) -> Iterator[None]:
    """Hold the folder of what a lab is asked for: two processes would ask for it twice.

    One that is left with nothing in it is removed. Raises RunFolderError.
    """
    with contextlib.ExitStack() as stack:
        held = True
        try:
            beside.mkdir(parents=True, exist_ok=True)
            if os.name == "posix":
                folder = os.open(beside, os.O_RDONLY)
                stack.callback(os.close, folder)
                lock_file(folder)
                held = os.path.samestat(os.fstat(folder), beside.stat())  # else just removed
        except BlockingIOError:
            held = False
        except OSError as error:
            raise RunFolderError(f"cannot write into {beside}: {error}") from error
        if not held:
            raise RunFolderError(
                f"{beside}: another tinybench asks a lab for this study: let it finish, or give -o "
                "another folder"
            )
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                beside.rmdir()


def _series(study: str, said: dict[str, Any]) -> "tuple[Series, dict[str, tuple[str, bytes]], Job]":
    """Return the study as a series of jobs, of what was typed, the files to send with it, a job.

    Raises UsageError for an option that a lab does not take.
    """
    from ...lab.job import insist
    from ...lab.jobs_file import Series, jobs, sent

    ctx = click.get_current_context()
    words = {
        name: value
        for name, value in ctx.meta[TYPED].items()
        if value is not None and name in ctx.params
    }
    options = dict[str, Any]()
    for name, value in words.items():
        if name in OPTIONS[study]:
            kind = OPTIONS[study][name]
            many = isinstance(value, list | tuple)
            plain = [str(one) for one in value] if many else str(value)
            options[name] = bool(value) if kind.flag else plain
        elif name not in (*KEYS, *HERE) and typed(ctx, name):
            option = next(one for one in ctx.command.params if one.name == name)
            raise UsageError(
                f"{max(option.opts, key=len)} is of this computer, and is left out with --lab: a "
                "lab does a study on its own boards, with what it has or is sent"
            )
    if "," in (said.get("board") or ""):
        raise UsageError(
            f"--board {said['board']} are boards of this desk: a lab deals a study out over its "
            "own, of one kind, by --parts"
        )
    if str(said.get("board")).endswith(".toml"):
        raise UsageError(f"--board {said['board']} is a file, and a lab has boards by their kinds")
    files = {}
    for name in ("model", "csv"):
        if said.get(name) is not None:
            files[str(said[name])] = sent(said[name], rows=name == "csv")
    series = Series(
        name=study, study=study, task=said.get("task"), board=said.get("board") or DEFAULT_BOARD,
        emulate=bool(said.get("emulate")),
        model=_text(said.get("model")), csv=_text(said.get("csv")), with_=options,
    )  # fmt: skip
    job = next(jobs(series, {name: sha256 for name, (sha256, _) in files.items()}))
    insist(job)
    return series, files, job


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _insist_free(out: Path, study: str) -> None:
    """Raise RunFolderError for a folder into which this study cannot be gathered."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    found: Any = None
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        found = read_json(read_bytes(out / ASKED_FILE, DOCUMENT_MOST_B, links=False))
    if not isinstance(found, dict) or found.get("study") != study:
        raise RunFolderError(f"{out} holds something else than a study {study}: give -o another")


def _kept(beside: Path) -> Submitted | None:
    """Return what a lab was asked for before; None: nothing. Raises RunFolderError."""
    path = beside / LAB_FILE
    try:
        return read_json(read_bytes(path, DOCUMENT_MOST_B, links=False), type=Submitted)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise RunFolderError(f"{path}: cannot be read: {error}; remove {beside}") from error


def _keep(beside: Path, asked: Submitted) -> None:
    """Write what a lab was asked for. Raises RunFolderError."""
    try:
        beside.mkdir(parents=True, exist_ok=True)
        write_whole(beside / LAB_FILE, msgspec.json.format(msgspec.json.encode(asked), indent=2))
    except OSError as error:
        raise RunFolderError(f"cannot write into {beside}: {error}") from error


def _insist_same(
    beside: Path,
    asked: Submitted,
    series: "Series",
    sent: dict[str, tuple[str, bytes]],
    at: str,
    parts: int | None,
) -> None:
    """Raise UsageError where something else is asked for than what a lab does already."""
    hashes = {name: sha256 for name, (sha256, _) in sent.items()}
    told = msgspec.to_builtins(series)
    other = next((name for name in told if told[name] != asked.series.get(name)), None)
    if other == "with":
        other = "an option"
    if asked.at != at:
        other = "the lab"
    elif asked.sent != hashes:
        other = "a file that was sent"
    elif parts not in (None, asked.parts):
        other = "the number of parts"
    if other is not None:
        raise UsageError(
            f"{beside} says what a lab was asked for, which is another study: {other} differs. Ask "
            f"for the same to go on with it, give -o another folder, or remove {beside}"
        )


def _fitting(lab: "Lab", job: "Job") -> int:
    """Return how many boards of a lab this study could be on, at least 1 and not too many.

    One that is chosen for as it goes is done by one.
    """
    from ...lab.policy import Place, fits

    if not {"budget", "runs"}.isdisjoint(job.words):
        return 1
    here = [one for one in lab.get("/api/state")["boards"] if one["state"] != "absent"]
    names = [one.name for one in dataclasses.fields(Place)]
    try:
        places = [msgspec.convert({k: one[k] for k in names if k in one}, Place) for one in here]
    except msgspec.ValidationError as error:
        raise BenchError(f"the lab says of a board what none is: {error}") from error
    return min(max(1, sum(fits(job.want, one) for one in places)), PARTS_FIRST)


def _parts_done(
    voice: Voice,
    lab: "Lab",
    beside: Path,
    asked: Submitted,
    sent: dict[str, tuple[str, bytes]],
    out: Path,
) -> str:
    """Have all parts done, and their folders here; return on which kind of board they were.

    Parts that a lab has are waited for, and taken; others are asked for. Raises UsageError or
    BenchError where one failed.
    """
    from ..lab.watching import ended

    try:
        if asked.first:
            asked = _found(lab, beside, asked)
        told = _told(lab, asked, beside)
        left = [
            part
            for part in range(1, asked.parts + 1)
            if told.get(part, {}).get("state") not in ("held", "queued", "running", "done")
        ]
        asked = _submit(voice, lab, beside, asked, sent, left) if left else asked
        told = _told(lab, asked, beside)
        for number in dict.fromkeys(one["submission"] for one in told.values()):
            if any(one["submission"] == number and not one["ended"] for one in told.values()):
                ended(voice, lab, number, LONGEST_S, watched=True)
        told = _told(lab, asked, beside)
        for part, one in told.items():
            if one["state"] == "done":
                take(voice, lab, one["id"], beside / _name(part))
    except KeyboardInterrupt:
        voice.note(f"ask for the same again with -o {out} to go on")
        raise
    failed = {part: one for part, one in told.items() if one["state"] != "done"}
    if failed:
        raise _failure(failed, asked, beside, out)
    kinds = {one["board"] for one in told.values()}
    if len(kinds) > 1:
        raise UsageError(
            f"parts were done on boards of several kinds, {', '.join(sorted(kinds))}, and are not "
            f"gathered into one study: name one kind by --board (the parts are in {beside})"
        )
    return kinds.pop()


def _told(lab: "Lab", asked: Submitted, beside: Path) -> dict[int, dict[str, Any]]:
    """Return what a lab says of each part that it was asked for. Raises UsageError."""
    found = dict[int, dict[str, Any]]()
    for text, job in asked.jobs.items():
        part = int(text)
        try:
            one = lab.get(f"/api/jobs/{job}")
        except UsageError as error:
            raise UsageError(f"{error}; {_anew(beside)}") from None
        if (one["study"], one["part"]) != (asked.series["study"], part):
            raise UsageError(f"job {job} of {asked.at} is no part {part} of it; {_anew(beside)}")
        found[part] = one
    return found


def _anew(beside: Path) -> str:
    return f"is that another lab by now? To ask it for all parts anew, remove {beside}"


def _submit(
    voice: Voice,
    lab: "Lab",
    beside: Path,
    asked: Submitted,
    sent: dict[str, tuple[str, bytes]],
    parts: Sequence[int],
) -> Submitted:
    """Ask a lab for parts, and keep which job each of them is."""
    from ...lab.jobs_file import Series, Submission
    from ..lab import shown
    from ..lab.asking import myself

    series = msgspec.convert(asked.series, Series)
    name = f"{series.name}-{secrets.token_hex(8)}"
    each = msgspec.structs.replace(series, parts=asked.parts, name=name)
    if len(parts) == asked.parts:
        every = [each]
    else:
        every = [msgspec.structs.replace(each, part=one, name=f"{name}-{one}") for one in parts]
    asked = msgspec.structs.replace(asked, first=every[0].name)
    _keep(beside, asked)  # before: what cannot be kept is not asked for
    submission = Submission(series=every, needs={}, models=sent)
    answer = lab.post("/api/jobs", submission, count=submission.count, who=myself())
    asked = _noted(lab, beside, asked, answer["submission"])
    voice.note(shown.queued(answer))
    return asked


def _found(lab: "Lab", beside: Path, asked: Submitted) -> Submitted:
    """Return it with the jobs of what was asked for when this was interrupted, if it came there."""
    told = lab.get("/api/jobs", series=asked.first, most=1)["jobs"]
    mine = [one["submission"] for one in told if one["series"] == asked.first]
    return _noted(lab, beside, asked, mine[0]) if mine else asked


def _noted(lab: "Lab", beside: Path, asked: Submitted, submission: int) -> Submitted:
    """Keep which job each part of a submission is."""
    found = lab.get("/api/jobs", submission=submission)["jobs"]
    jobs = {str(one["part"]): one["id"] for one in found}
    asked = msgspec.structs.replace(asked, jobs={**asked.jobs, **jobs}, first="")
    _keep(beside, asked)
    return asked


def _failure(
    failed: dict[int, dict[str, Any]], asked: Submitted, beside: Path, out: Path
) -> UsageError | BenchError:
    """Return what is said of parts that failed, and what to do."""
    said = [
        f"part {part} of {asked.parts} (job {one['id']}) is {one['state']}: {one['why']}"
        for part, one in sorted(failed.items())
    ]
    text = "; ".join(said)
    if len(failed) < asked.parts:
        text += (
            f". The others are kept in {beside}; ask for the same again with -o {out}, and what "
            "failed alone is asked for anew"
        )
    else:
        shutil.rmtree(beside, ignore_errors=True)
    usage = all(one["status"] == 2 for one in failed.values())
    return (UsageError if usage else BenchError)(text)


def _name(part: int) -> str:
    return f"part-{part}"
