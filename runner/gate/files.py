"""What a gate leaves in its folder beside the run: for people, and for the CI system."""

from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec

from tinybench.errors import RunFolderError
from tinybench.files import write_whole
from tinybench.printable import one_line

from ..report.formats import text as report_text
from ..report.markdown import escaped
from ..report.terminal.comparison import as_markdown, verdict
from .gate import Gated
from .picture import changes, data_address, spoken

SUMMARY_FILE = "summary.md"
SUMMARY_MOST_B = 1_000_000
"""Of a summary with its picture. Ref: GitHub takes 1 MiB a step."""


def store(gated: Gated) -> Path:
    """Write summary.md, report.html, rules.xml, gates.xml and changes.svg; return the summary.

    Raises RunFolderError when they cannot be written.
    """
    picture = "" if gated.comparison is None else changes(gated.comparison)
    files = {
        SUMMARY_FILE: summary(gated, picture),
        "report.html": report_text([gated.outcome], "html"),
        "rules.xml": report_text([gated.outcome], "junit"),
        "gates.xml": as_junit(gated),
    }
    if gated.comparison is not None:
        encoded = msgspec.json.format(msgspec.json.encode(gated.comparison), indent=1)
        files |= {"changes.svg": picture, "comparison.json": encoded.decode() + "\n"}
    for name, text in files.items():
        try:
            write_whole(gated.folder / name, text.encode())
        except OSError as error:
            raise RunFolderError(f"cannot write {gated.folder / name}: {error}") from error
    return gated.folder / SUMMARY_FILE


def headline(gated: Gated) -> str:
    """Return the verdict in a line."""
    words = {"passed": "passed", "undecided": "UNDECIDED", "failed": "FAILED",
             "updated": "baseline updated", "no-baseline": "NO BASELINE"}[gated.word]  # fmt: skip
    told = "" if gated.comparison is None else f"; {verdict(gated.comparison)}"
    return f"gate {words}{told}".replace("; FAILED, ", "; ")


def summary(gated: Gated, picture: str = "") -> str:
    """Return the whole as Markdown: verdict, what changed, its picture as data, the run."""
    parts = [f"## tinybench: {escaped(headline(gated))}\n", f"{escaped(gated.sentence)}\n"]
    if gated.comparison is not None:
        parts.append(as_markdown(gated.comparison))
    run = report_text([gated.outcome], "markdown").replace("## tinybench\n\n", "", 1)
    text = "\n".join([*parts, run])
    if picture and gated.comparison is not None:
        alt = escaped(spoken(gated.comparison))
        shown = f"\n![{alt}]({data_address(picture)})\n"
        if len(text) + len(shown) < SUMMARY_MOST_B:
            text += shown
    return text


def as_junit(gated: Gated) -> str:
    """Return a case a gate, as JUnit XML."""
    where = one_line(f"tinybench.{gated.outcome.result.board}.{gated.outcome.result.task}")
    found = gated.comparison
    gates = [] if found is None else list(dict.fromkeys(found.gates))
    failures = [] if found is None else found.failures
    failed = {failure.gate: failure for failure in failures}
    doubted = {} if found is None else {doubt.gate: doubt for doubt in found.doubts}
    skipped = {} if gated.strict else doubted
    suite = ET.Element(
        "testsuite",
        name="tinybench gates",
        tests=str(len(gates) or 1),
        failures=str(len(failed | doubted) - len(skipped)),
        errors="0",
        skipped=str(len(skipped) if gates else 1),
    )
    for gate in gates:
        case = ET.SubElement(suite, "testcase", classname=where, name=one_line(gate), time="0")
        if gate in failed:
            words = one_line(f"{failed[gate].task} on {failed[gate].board}: {failed[gate].found}")
            ET.SubElement(case, "failure", type="gate", message=words)
        elif gate in doubted:
            words = one_line(
                f"{doubted[gate].task} on {doubted[gate].board}: {doubted[gate].found}"
            )
            if gated.strict:
                ET.SubElement(case, "failure", type="undecided", message=words)
            else:
                ET.SubElement(case, "skipped", message=words)
    if not gates:
        case = ET.SubElement(suite, "testcase", classname=where, name="baseline", time="0")
        ET.SubElement(case, "skipped", message=one_line(gated.sentence))
    root = ET.Element("testsuites", name="tinybench")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
