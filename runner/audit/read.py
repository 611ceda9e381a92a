"""Read what the files of one run say, whichever runner wrote them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    log: Evidence
    """What the log alone says; empty where there is none."""
    log_name: str
    statements: tuple[tuple[str, Printed], ...]
    """Every file that states figures, with its own alone."""
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
    found.sort(key=lambda item: (-len(item[1].inferred), -len(item[1].asked)))
    evidence, source, old = Evidence(), "", not place.json
    log, log_name = Evidence(), ""
    if found:
        path, evidence, old = found[0]
        log, log_name = evidence, shown(path.name)
        source = log_name
    if place.json is not None:
        try:
            stored = runner13.read_json(place.json)
        except (OSError, ValueError) as error:
            unreadable.append(f"{shown(place.json.name)}: {shown(str(error))}")
        else:
            evidence, source, old = _joined(stored, evidence), shown(place.json.name), False
    statements = _statements(place, unreadable)
    printed, printed_in = _published(statements)
    return Read(
        place=place,
        evidence=evidence,
        source=source,
        printed=printed,
        printed_in=printed_in,
        log=log,
        log_name=log_name,
        statements=statements,
        unreadable=tuple(unreadable),
        eembc=old,
        mode=place.mode or _mode(evidence, printed),
    )


def _joined(stored: Evidence, log: Evidence) -> Evidence:
    """Return what results.json says, with the faults of the log beside it."""
    stored.models, stored.rehearsal = log.models, log.rehearsal
    stored.retries, stored.undecodable = log.retries, log.undecodable
    stored.host_step_s = log.host_step_s
    if len(log.stamps) == len(stored.spans_us):  # the host notes when each has ended
        pairs = zip(stored.spans_us, log.stamps, strict=True)
        stored.stamps = [(stop_us, at_s) for (_, stop_us), (_, at_s) in pairs]
    stored.faults.update(log.faults)
    stored.examples = log.examples | stored.examples
    if not stored.inferred and stored.stream is None:
        stored.inferred, stored.stream = log.inferred, log.stream
    return stored


def _statements(place: Place, unreadable: list[str]) -> tuple[tuple[str, Printed], ...]:
    """Return the figures of each file, tables first; a log may end with them, too."""
    found: list[tuple[str, Printed]] = []
    for path in (*place.tables, *place.logs):
        try:
            found.append((shown(path.name), read_printed(path)))
        except OSError as error:
            unreadable.append(f"{shown(path.name)}: {error.strerror or error}")
    return tuple(found)


def _published(statements: Sequence[tuple[str, Printed]]) -> tuple[Printed, str]:
    """Return the figures of the first file that has some, with its windows or another's."""
    name, first = next(
        ((name, printed) for name, printed in statements if not printed.empty), ("", None)
    )
    if first is None:  # the undecodable bytes of a table count all the same
        return (statements[0][1], "") if statements else (Printed(), "")
    whole = replace(first)
    for _, printed in statements:  # some results.txt have the median only
        if whole.performance or whole.energy or whole.top1_percent:
            break
        whole.performance = whole.performance or printed.performance
        whole.energy = whole.energy or printed.energy
    return whole, name


def _mode(evidence: Evidence, printed: Printed) -> str:
    if "energy" in evidence.session.lower() or printed.energy:
        return "energy"
    if printed.throughput_per_s or evidence.stream is not None:
        return "performance"
    if printed.top1_percent or any(one.iterations == 1 for one in evidence.inferred):
        return "accuracy"
    return "performance"
