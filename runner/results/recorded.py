"""What a result holds that nothing computes: written into the journal, too, when the run ends.

All else in a result is computed from the journal and from the files beside it, and is computed
again by whoever checks the run.
"""

from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from tinybench.errors import RunFolderError

from .journal import JOURNAL_FILE, Entry
from .names import CYCLES_FILE, PROFILE_FILE, STREAM_FILE
from .result import Result
from .scenario.loadgen import PREFIX
from .seal import file_sha256

RECORDED = {
    "tinybench": "the version that ended the run; the head of the journal has that which began it",
    "finished_at": "the transcript counts seconds from its own beginning",
    "error": "what ended the run happened outside of it",
    "dut": "what it calls itself, as the transcripts have it; the journal of energy mode has not",
    "dataset": "whose inputs they are was seen by their bytes, which are not kept",
    "inputs": "where the inputs came from; their names, classes and hashes are in inputs.csv",
    "model": "the name of its file; what an engine holds is its maker's word",
    "firmware": "compiler and sources are not in the image; the image itself is beside it",
    "no_cycles": "what was in the way of an estimate was on the computer that ran it",
    "link": "what was done again on the line is counted by the client",
    "tools": "versions on the computer that ran it",
    "provenance": "the computer that ran it",
    "files_sha256": "the files themselves are the witnesses; this holds them against an exchange",
}
"""Fields of a result, each with the reason why the journal repeats it."""
STATED_ONLY = (
    "what was asked for",
    "finished_at",
    "error",
    "where the inputs came from",
    "model.name",
    "what an engine holds",
    "compiler and sources",
    "no_cycles",
    "link",
    "tools",
    "provenance",
)
"""What a result says that has no witness: it is stated, by result and journal alike."""


def recorded(result: Result) -> dict[str, Any]:
    """Return those fields of a result, as JSON has them."""
    fields = msgspec.to_builtins(result)
    fields["files_sha256"].pop(JOURNAL_FILE, None)  # it cannot name itself
    return {name: fields[name] for name in RECORDED}


def ended(result: Result) -> Entry:
    """Return the last entry of a journal."""
    return Entry(ended=recorded(result))


def with_evidence(result: Result, folder: Path) -> Result:
    """Return a result that names the hashes of journal, transcripts, trace, layers and pictures.

    To be called when the others are as they will be, and again when the journal is ended, which
    names these others. Raises RunFolderError.
    """
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
        hashes = {name: file_sha256(folder, name) for name in names if is_evidence(name)}
    except OSError as error:
        raise RunFolderError(f"cannot read the run folder {folder}: {error}") from error
    return replace(result, files_sha256=result.files_sha256 | hashes)


def is_evidence(name: str) -> bool:
    """Return whether a file of a run folder is what `with_evidence` names: no declaration."""
    return name in (JOURNAL_FILE, PROFILE_FILE, CYCLES_FILE, STREAM_FILE) or name.startswith(
        ("transcript", "energy", PREFIX)
    )
