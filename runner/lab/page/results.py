"""What a lab has measured: rows, a run's page, and JUnit for CI; by the report package."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec

from tinybench.errors import TinybenchError
from tinybench.printable import one_line

from ...compare.store import Summary, find_runs
from ...report import formats
from ...rules.judge import judge
from .. import store
from ..store import Row


def found(runs: Path, said: dict[str, str]) -> list[dict[str, Any]]:
    """Return every result of a lab that is of this task, board and core, the newest first."""
    if not runs.is_dir():
        return []
    rows: list[Summary] = find_runs(runs).runs
    return [
        {**msgspec.to_builtins(row), "job": int(Path(row.run).name.partition("-")[0])}
        for row in reversed(rows)
        if all(getattr(row, name) == value for name, value in said.items())
        and Path(row.run).name.partition("-")[0].isdecimal()
    ]


def page_of(folder: Path) -> str:
    """Return the page of a run. Raises RunFolderError for one that cannot be read."""
    return formats.text([judge(folder)], "html")


def junit(runs: Path, rows: Sequence[Row]) -> str:
    """Return jobs that have ended as JUnit XML: their runs, and an error for each that has none."""
    root = ET.Element("testsuites", name="tinybench lab")
    for row in reversed(rows):
        if row.folder is not None and row.state == store.DONE:
            try:
                told = ET.fromstring(formats.text([judge(runs / row.folder)], "junit"))  # noqa: S314 - our own
                root.extend(list(told))
                continue
            except TinybenchError as error:
                row = msgspec.structs.replace(row, why=str(error))  # noqa: PLW2901
        name = one_line(f"job {row.id}: {row.job.title}")
        suite = ET.SubElement(root, "testsuite", name=name, tests="1", failures="0", errors="1")
        case = ET.SubElement(suite, "testcase", classname="tinybench.lab", name=name, time="0")
        why = one_line(row.why or row.state)
        ET.SubElement(case, "error", type=row.state, message=why)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
