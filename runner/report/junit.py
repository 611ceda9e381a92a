"""Runs as JUnit XML: a suite for each run, a failed case for each broken rule."""

from collections.abc import Sequence
from datetime import datetime
from xml.etree import ElementTree as ET

from tinybench.printable import one_line

from ..compare.store import COLUMNS, SCORES, STREAM, Summary
from ..results.result import Result
from ..rules import Verdict
from .terminal.text import caveats


def as_junit(runs: Sequence[tuple[Result, Verdict, Summary]]) -> str:
    """Return the document; scores, and what a result is not, are properties of its suite."""
    root = ET.Element("testsuites", name="tinybench")
    for result, verdict, summary in runs:
        _add_suite(root, result, verdict, summary)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _add_suite(root: ET.Element, result: Result, verdict: Verdict, summary: Summary) -> None:
    violations = verdict.violations
    name = one_line(f"{result.task} on {result.board}")
    lasted_s = _lasted_s(result)
    suite = ET.SubElement(
        root,
        "testsuite",
        name=name,
        timestamp=one_line(result.started_at)[:19],
        time=f"{lasted_s:.3f}",
        tests=str(max(1, len(violations))),
        failures=str(len(violations)),
        errors="0",
    )
    properties = ET.SubElement(suite, "properties")
    for column in (
        "run",
        "profile",
        "dut",
        "top1",
        "auc",
        *SCORES,
        *STREAM,
        "latency_s",
        "instructions_per_inference",
        *(name for name in COLUMNS if name.startswith("estimated_")),
        "energy_per_inference_j",
        "flash_b",
    ):
        value = getattr(summary, column)
        if value is not None:
            ET.SubElement(properties, "property", name=column, value=one_line(str(value)))
    ET.SubElement(properties, "property", name="verdict", value=one_line(verdict.words))
    for words in caveats(result, verdict):
        ET.SubElement(properties, "property", name="caveat", value=one_line(words))
    where = one_line(f"tinybench.{result.board}.{result.task}")
    if not violations:
        ET.SubElement(suite, "testcase", classname=where, name="run rules", time=f"{lasted_s:.3f}")
    for broken in violations:
        case = ET.SubElement(
            suite, "testcase", classname=where, name=one_line(broken.rule), time="0"
        )
        message = one_line(f"wanted {broken.wanted}, found {broken.found}")
        failure = ET.SubElement(case, "failure", type=one_line(broken.rule), message=message)
        failure.text = f"{one_line(broken.clause)}\n{one_line(broken.advice)}"


def _lasted_s(result: Result) -> float:
    try:
        started, finished = map(datetime.fromisoformat, (result.started_at, result.finished_at))
        return max(0.0, (finished - started).total_seconds())
    except (ValueError, TypeError):
        return 0.0
