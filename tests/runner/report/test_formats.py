"""Reports as HTML, Markdown, CSV, JSON with its schema, JUnit XML: right, labelled, escaped."""

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from tests import ROOT
from tests.runner.compare.test_change import energy
from tests.runner.compare.test_store import stored
from tinybench.printable import one_line
from tinybench.runner import cli
from tinybench.runner.compare.store import COLUMNS
from tinybench.runner.report.schema import schema

FORMATS = ("terminal", "html", "markdown", "csv", "json", "junit")
EVIL = "<script>alert(1)</script> \x1b[31m|`a`\x00\r\n=\u202e&\"'"


def _report(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = cli.main(["report", *words])
    return status, capsys.readouterr().out


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A valid run on an emulated board, with modelled energy."""
    modelled = energy([100, 100.1, 100.2, 99.9, 99.8], 2, modelled=True)
    return stored(tmp_path / "run", energy=modelled)


def test_every_format_calls_emulated_and_modelled_figures_so(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words that a person sees, or in fields that a program reads."""
    for form in FORMATS:
        _, text = _report(capsys, str(run), "--to", form)
        assert "emulated" in text, form
        assert "modelled" in text, form


def test_no_format_lets_a_name_act(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Escapes, markup and turned text in what a board says are spelt out; a NUL harms nothing."""
    folder = stored(tmp_path / "run", dut=EVIL, board=EVIL, error=EVIL, complete=False)
    for form in FORMATS:
        status, text = _report(capsys, str(folder), "--to", form)
        assert status == 1
        assert "\x1b" not in text, form
        assert "\x00" not in text, form
        assert "\u202e" not in text or form == "json"
        if form in ("markdown", "html"):
            assert "<script>alert" not in text
        if form == "junit":
            ET.fromstring(text)  # noqa: S314 - our own
        if form == "csv":
            (row,) = csv.DictReader(io.StringIO(text))
            assert row["dut"] == one_line(EVIL)
        if form == "json":
            assert json.loads(text)["dut"] == EVIL


def test_a_formula_in_a_name_is_a_text_in_csv(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A spreadsheet must not run what a board calls itself."""
    folder = stored(tmp_path / "run", dut='=cmd|"/c calc"!A1')
    _, text = _report(capsys, str(folder), "--to", "csv")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["dut"].startswith("'=")
    assert tuple(row) == COLUMNS
    assert row["top1"] == "0.901"


def test_junit_has_a_case_for_each_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Broken ones fail, what was not judged is skipped; counts and cases agree."""
    stored(tmp_path / "a" / "good")
    stored(tmp_path / "a" / "stopped", complete=False, performance=None)
    status, text = _report(capsys, str(tmp_path / "a"), "--to", "junit")
    assert status == 1
    suites = ET.fromstring(text).findall("testsuite")  # noqa: S314 - our own
    assert sorted(int(suite.attrib["failures"]) for suite in suites)[0] == 0
    for suite in suites:
        assert len(suite.findall("testcase")) == int(suite.attrib["tests"])
        assert len(suite.findall("testcase/failure")) == int(suite.attrib["failures"])
        assert len(suite.findall("testcase/skipped")) == int(suite.attrib["skipped"]) > 0
        names = [case.attrib["name"] for case in suite.findall("testcase")]
        assert len(set(names)) == len(names) > 10
    assert "complete" in {case.attrib["name"] for case in suites[-1].findall("testcase[failure]")}
    assert suites[0].attrib["time"] == "60.000"


def test_the_published_schema_is_that_of_the_code() -> None:
    """After a change of result.py: make schema."""
    published = json.loads((ROOT / "docs" / "result.schema.json").read_text())
    assert published == schema()
    jsonschema.Draft202012Validator.check_schema(published)
    window = published["$defs"]["EnergyWindow"]["properties"]["uncertainty_j"]
    assert window["description"] == "k = 2."


def test_what_is_written_fits_the_schema(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stored result, the report on one run and on several; a misspelt field does not."""
    told = jsonschema.Draft202012Validator(schema())
    told.validate(json.loads((run / "result.json").read_bytes()))
    _, one = _report(capsys, str(run), "--to", "json")
    told.validate(json.loads(one))
    stored(tmp_path / "more" / "a", complete=False, performance=None, accuracy=None, firmware=None)
    stored(tmp_path / "more" / "b")
    _, many = _report(capsys, str(tmp_path / "more"), str(run), "--to", "json")
    document = json.loads(many)
    told.validate(document)
    assert len(document["runs"]) == 3
    document["runs"][0]["colour"] = "blue"
    with pytest.raises(jsonschema.ValidationError):
        told.validate(document)


@pytest.mark.parametrize("form", FORMATS)
def test_a_report_goes_into_a_file(
    run: Path, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whole, in a folder that is made for it; standard output stays empty."""
    out = tmp_path / "new" / "report"
    status, text = _report(capsys, str(run), "--to", form)
    assert cli.main(["report", str(run), "--to", form, "-o", str(out)]) == status
    assert capsys.readouterr().out == ""
    assert out.read_text(encoding="utf-8") == text
    assert list(out.parent.iterdir()) == [out]


def test_a_report_that_cannot_be_written_is_an_error(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2 and the file's name."""
    out = run / "result.json" / "below"
    assert cli.main(["report", str(run), "--to", "csv", "-o", str(out)]) == 2
    assert str(out) in capsys.readouterr().err


def test_a_report_on_what_is_no_run_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a missing folder, nor an empty one, nor a truncated result gives a traceback."""
    broken = stored(tmp_path / "run")
    (broken / "result.json").write_text('{"format": 1, "tinybench": "0.1.0"')
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "nowhere", tmp_path / "empty", broken):
        assert cli.main(["report", str(path), "--to", "markdown"]) == 2
        assert str(path) in capsys.readouterr().err


def test_markdown_names_broken_rules_and_what_to_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The summary of a CI job says why it is red."""
    folder = stored(tmp_path / "run", complete=False)
    status, text = _report(capsys, str(folder), "--to", "markdown")
    assert status == 1
    assert "| complete |" in text
    assert "6,375,000 (emulated)" in text


def test_a_real_run_is_reported_in_every_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the runner stores it: transcript, manifest and all; and its JSON fits the schema."""
    folder = tmp_path / "run"
    asked = ["--board", "host", "--task", "kws", "--limit", "12", "--mode", "accuracy"]
    assert cli.main([*asked, "--out", str(folder)]) == 1  # for its limit
    capsys.readouterr()
    told = {form: _report(capsys, str(folder), "--to", form)[1] for form in FORMATS}
    for form, text in told.items():
        assert "accuracy-count" in text, form
        assert "host" in text, form
    document = json.loads(told["json"])
    jsonschema.Draft202012Validator(schema()).validate(document)
    assert document["link"]["protocol"] == "frames"
    assert "m-profile-[" in told["html"]
    assert "320,000 MACs" in told["html"]
    assert "0 CONV_2D (" in told["html"], "each layer was timed in passing"
    assert 'data-tip="Silence answered as Silence' in told["html"]
