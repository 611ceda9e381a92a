"""What stands of an interrupted run: what its transcripts hold, of inputs that it has.

The journal is written at once, the transcript with the next command: of a run that was killed the
last answer may be in the one and not in the other. It is measured again, as is anything else that
nobody said.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tinybench.errors import RunFolderError
from tinybench.files import open_lines
from tinybench.transport.transcript import transcripts

from ...results.journal import Entry
from ...results.result import Answer
from ...results.transcript import Inferred
from . import said, traced


def stands(
    entries: Sequence[Entry], folder: Path, labels: Mapping[str, int], timed: Sequence[str]
) -> tuple[list[Entry], list[str]]:
    """Return the entries of a journal that a run can go on from, and the names of the others.

    `labels`: the class of each input, by its name, from the label file; `timed`: the inputs of the
    windows, in order. What is not returned is measured again. Raises RunFolderError: an entry
    contradicts the inputs, or a transcript cannot be read.
    """
    _cut_off(folder)
    heard = said.said(folder)
    kept: list[Entry] = []
    found: set[str] = set()
    lost: dict[str, None] = {}
    windows = 0
    for entry in entries:
        if entry.float_model or entry.reference or entry.ended is not None:
            continue  # computed again, on this computer
        if entry.answer is not None:
            name = f"answer to {entry.answer.input}"
            _insist_labelled(entry.answer, labels, folder)
            stand = bool(entry.answer.elapsed_us) and _all_said(said.of_answer(entry.answer), heard)
        elif entry.window is not None:
            name = f"window on {entry.window.input}"
            # They are on one input after the other: behind one that is lost, all are lost.
            in_order = windows < len(timed) and entry.window.input == timed[windows]
            stand = in_order and _all_said(said.of_window(0, entry.window), heard)
            windows += stand
        elif entry.query is not None:
            # In order, too: which is asked next depends on how many there are.
            name, stand = "query", "query" not in lost
            stand = stand and _all_said(said.of_query(entry.query), heard)
        elif entry.stream is not None:
            name, stand = "stream", _all_said(said.of_stream(entry.stream), heard)
        elif entry.energy is not None:
            name = "energy"
            stand = traced.judged(entry.energy, folder).state == "kept"
            stand = stand and _all_said(said.of_energy(entry.energy), heard)
        else:
            kept.append(entry)
            continue
        if stand:
            kept.append(entry)
            found.add(name)
        else:
            lost[name] = None
    return kept, [name for name in lost if name not in found or name == "query"]


def _all_said(claims: Iterable[said.Claim], heard: Counter[Inferred]) -> bool:
    return not said.unsaid(claims, heard)


def _cut_off(folder: Path) -> None:
    """Cut off what a kill has left of a last line; it is written to again anyway."""
    for path in transcripts(folder):
        try:
            open_lines(path).close()
        except OSError as error:
            raise RunFolderError(f"cannot write the transcript {path}: {error}") from error


def _insist_labelled(answer: Answer, labels: Mapping[str, int], folder: Path) -> None:
    """Raise RunFolderError where a journal says of an input what the label file does not."""
    label = labels.get(answer.input)
    if label == answer.label:
        return
    of_file = "has no such input" if label is None else f"has {label}"
    raise RunFolderError(
        f"{folder}: the journal says class {answer.label} of {answer.input}, the label file "
        f"{of_file}: the journal was changed after it was written. Start a new run"
    )
