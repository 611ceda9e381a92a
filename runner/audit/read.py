"""Read what the files of one run say, whichever runner wrote them."""

from dataclasses import dataclass
from pathlib import Path

from . import eembc, runner13
from .evidence import Evidence
from .printed import Printed, read_printed
from .text import lines, shown
from .tree import Place

HEAD_LINES = 40


@dataclass(frozen=True, slots=True)
class Read:
    """A run's files, read."""

    place: Place
    evidence: Evidence
    source: str
    """File that the evidence is from; empty where there is none."""
    printed: Printed
    printed_in: str
    unreadable: tuple[str, ...]
    eembc: bool
    """By EEMBC's runner, rounds v0.5 to v1.2; else by that of v1.3."""
    mode: str


def read(place: Place) -> Read:
    """Read logs, results.json and results.txt; what cannot be read is listed."""
    unreadable: list[str] = []
    found: list[tuple[Path, Evidence, bool]] = []
    for path in place.logs:
        try:
            head = "\n".join(line for line, _ in zip(lines(path), range(HEAD_LINES), strict=False))
            old = eembc.is_eembc(head)
            found.append((path, eembc.read_log(path) if old else runner13.read_log(path), old))
        except OSError as error:
            unreadable.append(f"{shown(path.name)}: {error.strerror or error}")
    found.sort(key=lambda item: -len(item[1].inferred))
    evidence, source, old = Evidence(), "", not place.json
    if found:
        path, evidence, old = found[0]
        source = shown(path.name)
    if place.json is not None:
        try:
            stored = runner13.read_json(place.json)
        except (OSError, ValueError) as error:
            unreadable.append(f"{shown(place.json.name)}: {shown(str(error))}")
        else:
            evidence, source, old = _joined(stored, evidence), shown(place.json.name), False
    printed, printed_in = _printed(place, unreadable)
    return Read(
        place=place,
        evidence=evidence,
        source=source,
        printed=printed,
        printed_in=printed_in,
        unreadable=tuple(unreadable),
        eembc=old,
        mode=place.mode or _mode(evidence, printed),
    )


def _joined(stored: Evidence, log: Evidence) -> Evidence:
    """Return what results.json says, with the faults of the log beside it."""
    stored.models, stored.rehearsal = log.models, log.rehearsal
    stored.retries, stored.undecodable = log.retries, log.undecodable
    stored.faults.update(log.faults)
    stored.examples = log.examples | stored.examples
    if not stored.inferred and stored.stream is None:
        stored.inferred, stored.stream = log.inferred, log.stream
    return stored


def _printed(place: Place, unreadable: list[str]) -> tuple[Printed, str]:
    """Return the figures of the first file that has some; a log may end with them, too."""
    first: tuple[Printed, str] | None = None
    for path in (*place.tables, *place.logs):
        try:
            printed = read_printed(path)
        except OSError as error:
            unreadable.append(f"{shown(path.name)}: {error.strerror or error}")
            continue
        if printed.empty:
            first = first or (printed, "")
        elif first is None or first[0].empty:
            first = (printed, shown(path.name))
        else:  # some results.txt have the median only, and the log its windows
            first[0].performance = first[0].performance or printed.performance
            first[0].energy = first[0].energy or printed.energy
        if first[0].performance or first[0].energy or first[0].top1_percent:
            break
    return first or (Printed(), "")


def _mode(evidence: Evidence, printed: Printed) -> str:
    if "energy" in evidence.session.lower() or printed.energy:
        return "energy"
    if printed.throughput_per_s or evidence.stream is not None:
        return "performance"
    if printed.top1_percent or any(one.iterations == 1 for one in evidence.inferred):
        return "accuracy"
    return "performance"
