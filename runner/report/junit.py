"""Runs as JUnit XML: a suite for each run, a case for each rule."""

from collections.abc import Sequence
from datetime import datetime
from xml.etree import ElementTree as ET

from tinybench.printable import one_line

from ..compare.store import COLUMNS, SCORES, STREAM, Summary
from ..results.result import Result
from ..rules import Ruling, Verdict
from ..rules.rule import State
from .terminal.text import caveats


def as_junit(runs: Sequence[tuple[Result, Verdict, Summary]]) -> str:
    """Return the document; scores, and what a result is not, are properties of its suite."""
    root = ET.Element("testsuites", name="tinybench")
    for result, verdict, summary in runs:
        _add_suite(root, result, verdict, summary)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _add_suite(root: ET.Element, result: Result, verdict: Verdict, summary: Summary) -> None:
    rules: dict[str, list[Ruling]] = {}
    for ruling in verdict.rulings:
        rules.setdefault(ruling.rule, []).append(ruling)
    states = [_state(found) for found in rules.values()]
    name = one_line(f"{result.task} on {result.board}")
    lasted_s = _lasted_s(result)
    suite = ET.SubElement(
        root,
        "testsuite",
        name=name,
        timestamp=one_line(result.started_at)[:19],
        time=f"{lasted_s:.3f}",
        tests=str(len(rules)),
        failures=str(states.count("broken")),
        skipped=str(len(rules) - states.count("broken") - states.count("kept")),
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
    for (rule, found), state in zip(rules.items(), states, strict=True):
        _add_case(suite, where, rule, [one for one in found if one.state == state])


def _state(found: Sequence[Ruling]) -> State:
    """Return what a rule says that was judged several times: what is worst, then what is open."""
    states = {one.state for one in found}
    worst: tuple[State, ...] = ("broken", "not judged", "declared", "kept")
    return next(state for state in worst if state in states)


def _add_case(suite: ET.Element, where: str, rule: str, found: Sequence[Ruling]) -> None:
    """Add a rule: passed where it is kept, skipped where nothing could judge it."""
    case = ET.SubElement(suite, "testcase", classname=where, name=one_line(rule), time="0")
    said = one_line("; ".join(f"wanted {one.wanted}, found {one.found}" for one in found))
    if found[0].state == "broken":
        failure = ET.SubElement(case, "failure", type=one_line(rule), message=said)
        failure.text = "\n".join(f"{one_line(o.clause)}\n{one_line(o.advice)}" for o in found)
    elif found[0].state != "kept":
        ET.SubElement(case, "skipped", message=f"{found[0].state}: {said}")


def _lasted_s(result: Result) -> float:
    try:
        started, finished = map(datetime.fromisoformat, (result.started_at, result.finished_at))
        return max(0.0, (finished - started).total_seconds())
    except (ValueError, TypeError):
        return 0.0
