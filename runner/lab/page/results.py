"""What a lab has measured: rows that are judged once, reports on them, and JUnit for CI."""

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec

from tinybench.declare import nearest
from tinybench.errors import TinybenchError, UsageError
from tinybench.printable import one_line

from ...build import board as boards
from ...build import task as tasks
from ...compare.history import By, history
from ...compare.store import Summary, find_runs, summary
from ...compare.where import ordered, parse_where
from ...report import formats
from ...report.page.history import as_html as history_page
from ...report.page.html import compared
from ...results.defaults import MODES, SCENARIO, STREAM
from ...rules import names as profiles
from ...rules.judge import judge
from .. import store
from ..store import Row
from .words import verdict

COMPARED_MOST = 200
"""Runs of one comparison."""
COLUMNS = ("task", "board", "core", "mode", "profile")
"""By which results are looked for; `where` has all others."""
BRIEF = (
    "job", "started_at", "task", "board", "core", "profile", "mlperf", "dataset", "emulated",
    "valid", "broken_rules", "inputs", "top1", "auc", "f1", "latency_s", "latency_uncertainty_s",
    "estimated_latency_s", "estimated_latency_low_s", "estimated_latency_high_s",
    "energy_per_inference_j", "energy_modelled", "flash_b", "scenario", "rate_per_s",
)  # fmt: skip
"""What the page shows of a result."""


class Measured:
    """The results of a lab; each is judged once, and kept as a row while the lab is served."""

    def __init__(self, runs: Path) -> None:
        """`runs`: the folder of run folders, each named JOB-ATTEMPT; none of them ever changes."""
        self._runs = runs
        self._rows: dict[str, Summary] = {}
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def rows(self) -> list[Summary]:
        """Return every result, the newest first. Takes long the first time alone."""
        with self._lock:
            names = self._names()
            new = names - self._seen
            if len(new) > len(self._seen):
                self._take(find_runs(self._runs).runs)  # whose verdicts may be remembered
                new -= self._rows.keys()
            self._take(filter(None, map(self._judged, sorted(new))))
            self._seen = names
            return sorted(self._rows.values(), key=lambda one: (one.started_at, one.run))[::-1]

    def of(self, name: str) -> Summary | None:
        """Return the result in a run folder; None where it cannot be read."""
        with self._lock:
            if name not in self._rows:
                self._take(filter(None, [self._judged(name)]))
            return self._rows.get(name)

    def _names(self) -> set[str]:
        try:
            return {one.name for one in self._runs.iterdir() if job_of(one.name) is not None}
        except OSError:
            return set()

    def _judged(self, name: str) -> Summary | None:
        try:
            outcome = judge(self._runs / name)
        except TinybenchError:  # a run that cannot be read hides no other
            return None
        return summary(outcome.result, outcome.verdict, outcome.folder)

    def _take(self, rows: Iterable[Summary]) -> None:
        for one in rows:
            if job_of(Path(one.run).name) is not None and Path(one.run).parent == self._runs:
                self._rows[Path(one.run).name] = one


def job_of(name: str) -> int | None:
    """Return the number of the job whose run folder is called so; None: it is none of a job."""
    number = name.partition("-")[0]
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 16 else None


def chosen(rows: Sequence[Summary], said: dict[str, str]) -> list[Summary]:
    """Return the results that are asked for, in the order that is.

    `said`: of COLUMNS a value each, "valid", and "where" and "sort" as `tinybench results` has.
    Raises UsageError, also for a name that neither the package nor any result has.
    """
    for name in COLUMNS:
        if said.get(name):
            _insist_known(rows, name, said[name])
    found = [
        one
        for one in rows
        if all(said.get(name) in (None, "", getattr(one, name)) for name in COLUMNS)
        and (one.valid or said.get("valid") != "yes")
    ]
    if said.get("where"):
        found = list(filter(parse_where(said["where"], rows), found))
    return ordered(found, said["sort"]) if said.get("sort") else found


def _insist_known(rows: Sequence[Summary], column: str, value: str) -> None:
    known = {str(getattr(one, column)) for one in rows}
    if value in known:
        return
    known |= {*KNOWN[column]()}
    if value not in known:
        raise UsageError(f"there is no {column} '{value[:60]}': {nearest(value, known)}")


KNOWN: dict[str, Callable[[], Iterable[str]]] = {
    "task": tasks.names,
    "board": boards.names,
    "core": lambda: {boards.load_board(name).core for name in boards.names()},
    "mode": lambda: (*MODES, SCENARIO, STREAM),
    "profile": profiles,
}
"""What there is of each of COLUMNS, whether it has a result or not."""


def told(one: Summary, *, brief: bool) -> dict[str, Any]:
    """Return a result as plain data, with the number of its job."""
    row = {**msgspec.to_builtins(one), "job": job_of(Path(one.run).name)}
    return {name: row[name] for name in BRIEF} if brief else row


def compared_page(rows: Sequence[Summary]) -> str:
    """Return the page that compares results. Raises UsageError for none, or too many."""
    if not 0 < len(rows) <= COMPARED_MOST:
        raise UsageError(f"{len(rows)} results cannot be compared: choose 1 to {COMPARED_MOST}")
    return compared(rows)


def history_of(rows: Sequence[Summary], by: By, metrics: Sequence[str]) -> str:
    """Return the page of how figures went over time. Raises UsageError where there is none."""
    series = history(list(rows)[::-1], by, tuple(metrics))
    if not series:
        raise UsageError("no result has such a figure" + ", or a commit" * (by == "commit"))
    return history_page(series)


def page_of(folder: Path) -> str:
    """Return the page of a run. Raises RunFolderError for one that cannot be read."""
    return formats.text([judge(folder)], "html")


def junit(runs: Path, rows: Sequence[Row]) -> str:
    """Return jobs that have ended as JUnit XML: their runs, and an error for each that has none."""
    root = ET.Element("testsuites", name="tinybench lab")
    for row in reversed(rows):
        if row.job.study is not None and row.state == store.DONE:
            root.append(_of_study(row))
            continue
        if row.folder is not None and row.state == store.DONE:
            try:
                told = ET.fromstring(formats.text([judge(runs / row.folder)], "junit"))  # noqa: S314 - our own
                root.extend(list(told))
                continue
            except TinybenchError as error:
                row = msgspec.structs.replace(row, why=str(error))  # noqa: PLW2901
        suite, case = _suite(row, errors=1)
        root.append(suite)
        ET.SubElement(case, "error", type=row.state, message=one_line(row.why or row.state))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _of_study(row: Row) -> ET.Element:
    suite, case = _suite(row, failures=int(row.status != 0))
    if row.status != 0:
        why = verdict(row.status, row.job.study)
        ET.SubElement(case, "failure", type="study", message=why)
    return suite


def _suite(row: Row, failures: int = 0, errors: int = 0) -> tuple[ET.Element, ET.Element]:
    """Return a suite of one job, and its case."""
    name, counts = one_line(f"job {row.id}: {row.job.title}"), (str(failures), str(errors))
    suite = ET.Element("testsuite", name=name, tests="1", failures=counts[0], errors=counts[1])
    took = f"{row.run_s or 0.0:.3f}"
    case = ET.SubElement(suite, "testcase", classname="tinybench.lab", name=name, time=took)
    return suite, case
