"""A run folder held against itself: its files as they were written, its result as it was measured.

What this shows is an accident or a casual edit: the seal is no signature, and who edits result,
journal, transcript and seal alike, and well, is not found out.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from tinybench.errors import RunFolderError, TraceError, UsageError
from tinybench.transport.transcript import transcripts

from ..build.board import load_board
from ..results.journal import JOURNAL_FILE, Entry, Head, read
from ..results.result import RESULT_FILE, Energy, Result
from ..results.seal import SEAL_FILE, file_sha256, read_seal
from ..results.transcript import Inferred, inferred
from . import inputs
from .rule import RULES, Rule, Ruling

CLAUSE = RULES + ", results can be reproduced"
STORED_FILES = Rule("stored-files", CLAUSE)
SEALED = Rule("sealed", CLAUSE)
JOURNAL = Rule("journal", CLAUSE)
TRANSCRIPT = Rule("transcript", CLAUSE)
TRACE = Rule("energy-trace", CLAUSE)
TRACE_FILE = "energy.jls"
AGAIN = "the folder was changed after the run: run it again"
SHOWN = 3
"""Names that a message lists."""


def changed_files(result: Result, folder: Path) -> list[Ruling]:
    """Return what the files that decided the result say: each is the one the run used."""
    found = [_file(STORED_FILES, folder, *item) for item in result.files_sha256.items()]
    broken = [one for one in found if one.state == "broken"]
    if not broken and found:
        broken = [STORED_FILES.kept("the files that the run used", f"{len(found)} files, as used")]
    return [*broken, _sealed(result, folder)]


def evidence(result: Result, folder: Path) -> list[Ruling]:
    """Return whether the result agrees with its journal, transcript and trace; reads them whole."""
    return [
        *_seal(folder),
        *inputs.claimed(result),
        *_journal(result, folder),
        *_transcript(result, folder),
        *_trace(result, folder),
    ]


def _file(rule: Rule, folder: Path, name: str, sha256: str) -> Ruling:
    try:
        digest = file_sha256(folder, name)
        found = f"{digest[:16]}..."
    except OSError as error:
        digest, found = "", error.strerror or str(error)
    return rule.judged(digest == sha256, f"{name} with SHA-256 {sha256[:16]}...", found, AGAIN)


def _sealed(result: Result, folder: Path) -> Ruling:
    """Judge the seal of the result itself."""
    wanted = f"a {RESULT_FILE} as it was written"
    seal = read_seal(folder)
    if seal is None or RESULT_FILE not in seal:
        if result.provenance is None:
            return SEALED.not_judged(wanted, "written by a version without a seal")
        return SEALED.broken(wanted, f"no {SEAL_FILE} that can be read", AGAIN)
    return _file(SEALED, folder, RESULT_FILE, seal[RESULT_FILE])


def _seal(folder: Path) -> Iterator[Ruling]:
    """Judge the seal of every other file."""
    seal = {name: was for name, was in (read_seal(folder) or {}).items() if name != RESULT_FILE}
    found = [_file(SEALED, folder, name, was) for name, was in seal.items()]
    broken = [one for one in found if one.state == "broken"]
    yield from broken
    if found and not broken:
        yield SEALED.kept(f"every file of {SEAL_FILE}", f"{len(found)} files, as written")


def _journal(result: Result, folder: Path) -> Iterator[Ruling]:
    """Judge that the result holds what the journal holds, no less and no more."""
    wanted = "every answer, window and energy as in the journal"
    try:
        head, entries = read(folder)
    except RunFolderError as error:
        why = str(error) if (folder / JOURNAL_FILE).exists() else "there is no journal"
        yield JOURNAL.not_judged(wanted, why)
        return
    differ = [
        *_differing_labels(result, head, folder),
        *_differing_answers(result, entries),
        *_differing_windows(result, entries),
        *(
            f"{name} {found[:16]}..., in the journal {head.sha256[name][:16]}..."
            for name, found in (("model", result.model.sha256), ("dataset", result.inputs.sha256))
            if head.sha256.get(name, found) != found
        ),
    ]
    measured = [entry.energy for entry in entries if entry.energy]
    if (result.energy is None) != (not measured) or (measured and result.energy != measured[-1]):
        differ.append("the energy")
    yield JOURNAL.judged(
        not differ,
        wanted,
        f"other: {_some(differ)}" if differ else "as in the journal",
        "the stored result was changed after the run: run it again",
    )


def _differing_labels(result: Result, head: Head, folder: Path) -> Iterator[str]:
    """Yield what the result is called and was not: emulated is never called measured."""
    if result.division != head.asked.division:
        yield f"division {result.division}, in the journal {head.asked.division}"
    with contextlib.suppress(UsageError):  # a declaration that is lost breaks `stored-files`
        board = load_board(str(folder / "board.toml"), emulate=head.asked.emulate)
        if (result.board, result.core) != (board.name, board.core):
            yield f"board {result.board} ({result.core}), in board.toml {board.name} ({board.core})"
        if result.emulated != board.emulated:
            yield "emulated or not, by board.toml"


def _differing_answers(result: Result, entries: Sequence[Entry]) -> list[str]:
    noted = {entry.answer.input: entry.answer for entry in entries if entry.answer}
    stored = {one.input: one for one in (result.accuracy.answers if result.accuracy else [])}
    names = [*stored, *(name for name in noted if name not in stored)]
    return [f"answer to {name}" for name in names if stored.get(name) != noted.get(name)]


def _differing_windows(result: Result, entries: Sequence[Entry]) -> list[str]:
    noted = [entry.window for entry in entries if entry.window]
    stored = result.performance.windows if result.performance else []
    if len(noted) != len(stored):
        return [f"{len(stored)} windows, in the journal {len(noted)}"]
    pairs = enumerate(zip(stored, noted, strict=True), start=1)
    # What the host's clock says of it is found in the transcript, when the run is done.
    own = {"host_s": None, "host_uncertainty_s": None}
    return [f"window {number}" for number, (one, other) in pairs if replace(one, **own) != other]


def _transcript(result: Result, folder: Path) -> Iterator[Ruling]:
    """Judge that everything in the result was said on the line."""
    wanted = "every answer and window as it was said on the line"
    paths = transcripts(folder)
    said: Counter[Inferred] = Counter()
    try:
        for path in paths:
            said.update(inferred(path))
    except RunFolderError as error:
        yield TRANSCRIPT.broken(wanted, str(error), AGAIN)
        return
    if not paths:
        yield TRANSCRIPT.not_judged(wanted, "there is no transcript")
        return
    unsaid = []
    for name, one in claimed(result):
        if said[one] < 1:
            unsaid.append(name)
        said[one] -= 1
    lost = _unwritten(result, folder) if unsaid else set()
    excused = [name for name in unsaid if name in lost]
    unsaid = [name for name in unsaid if name not in lost]
    found = "all of them were said"
    if excused:
        found = f"all but {_some(excused)}: the run was killed before that was written down"
    yield TRANSCRIPT.judged(
        not unsaid,
        wanted,
        f"not said on the line: {_some(unsaid)}" if unsaid else found,
        "the stored result was changed after the run: run it again",
    )


def _unwritten(result: Result, folder: Path) -> set[str]:
    """Return what a transcript may lack: the last of each board before a run was gone on with.

    The journal is written at once, the transcript with the next command: a run that is killed in
    between has the one and not the other.
    """
    boards = 1 if result.link is None else result.link.boards
    found: set[str] = set()
    last: list[str] = []
    windows = 0
    with contextlib.suppress(RunFolderError):
        for entry in read(folder)[1]:
            windows += entry.window is not None
            if entry.answer is not None:
                last.append(f"answer to {entry.answer.input}")
            elif entry.window is not None:
                last.append(f"window {windows}")
            elif entry.resumed_at is not None:
                found.update(last[-boards:])
    return found


def claimed(result: Result) -> Iterator[tuple[str, Inferred]]:
    """Yield each inference that the result holds, with its name."""
    for answer in result.accuracy.answers if result.accuracy else []:
        values = answer.results.split(",")
        each = len(values) // max(1, len(answer.elapsed_us))
        for number, us in enumerate(answer.elapsed_us):
            part = ",".join(values[number * each : (number + 1) * each])
            yield f"answer to {answer.input}", (1, us, part)
    for number, window in enumerate(result.performance.windows if result.performance else [], 1):
        yield f"window {number}", (window.iterations, window.elapsed_us, window.results)
        if window.single_us is not None:
            single = (1, window.single_us, window.single_results or "")
            yield f"single inference before window {number}", single
    for number, window in enumerate(result.energy.windows if result.energy else [], start=1):
        us = round((window.dut_s or 0.0) * 1e6)
        yield f"energy window {number}", (window.iterations, us, window.results)


def _trace(result: Result, folder: Path) -> Iterator[Ruling]:
    """Judge that the energy is what the stored trace says."""
    path = folder / TRACE_FILE
    if result.energy is None or result.energy.per_inference_j is None:
        return
    wanted = "the energy that the stored trace has"
    if not path.is_file():
        yield TRACE.not_judged(wanted, "there is no trace")
        return
    from tinybench.energy.analysis import analyse
    from tinybench.energy.trace import open_trace

    try:
        with open_trace(path) as trace:
            found = analyse(trace)
    except TraceError as error:
        yield TRACE.broken(wanted, str(error), AGAIN)
        return
    energies_j = [window.energy_j for window in found.windows]
    yield TRACE.judged(
        found.median_j == result.energy.per_inference_j
        and energies_j == [window.energy_j for window in result.energy.windows],
        f"{_uj(found.median_j)} uJ/inference, from the trace",
        _energy_text(result.energy),
        "the stored result or its trace was changed after the run: run it again",
    )


def _energy_text(energy: Energy) -> str:
    return f"{_uj(energy.per_inference_j)} uJ/inference, {len(energy.windows)} windows"


def _uj(energy_j: float | None) -> str:
    return "no" if energy_j is None else f"{energy_j * 1e6:.4f}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
