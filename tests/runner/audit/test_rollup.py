"""Rows of systems: their verdicts, corrected figures, filters and orders; in every format."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.runner.audit import trees
from tinybench.errors import UsageError
from tinybench.runner.audit import rollup
from tinybench.runner.audit.audit import audit
from tinybench.runner.audit.result import GRADES, Audit
from tinybench.runner.cli import main, submission
from tinybench.runner.report.audit import as_csv, as_markdown


@pytest.fixture(autouse=True)
def _no_labels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty mirror: nothing is fetched."""
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("TINYBENCH_MIRROR", str(tmp_path / "mirror"))


def _system(root: Path, name: str, submitter: str = "Maker") -> Path:
    return root / "v1.1" / "closed" / submitter / "results" / name / "kws"


def _labels(folder: Path) -> Path:
    text = "".join(f"{name},12,{trees.label(name)}\n" for name in trees.KWS)
    return trees.write(folder, {"y_labels.csv": text})


@pytest.fixture
def found(tmp_path: Path) -> Audit:
    """Four systems: sound, without a results.txt, with a short window, with a wrong figure."""
    root = tmp_path / "tree"
    for name in ("d-sound", "c-paper", "b-short", "a-wrong"):
        trees.accuracy(_system(root, name) / "accuracy", start_us=ord(name[0]))
    trees.performance(_system(root, "d-sound") / "performance", start_us=1)
    trees.performance(_system(root, "c-paper") / "performance", start_us=2)
    (_system(root, "c-paper") / "performance" / "results.txt").unlink()
    short = {"elapsed_us": 9_000_000, "median": "27.778", "start_us": 3}
    trees.performance(_system(root, "b-short") / "performance", **short)  # pyright: ignore[reportArgumentType]
    trees.performance(_system(root, "a-wrong", "Other") / "performance", median="26.000")
    return audit(root, labels=_labels(tmp_path / "labels"))


def _names(found: Audit) -> list[str]:
    return [row.system for row in found.systems]


def test_each_system_has_the_gravest_of_its_verdicts(found: Audit) -> None:
    """The gravest first; a wrong figure has its right value beside it."""
    assert [(row.submitter, row.system, row.grade) for row in found.systems] == [
        ("Other", "a-wrong", "figure"),
        ("Maker", "b-short", "rule"),
        ("Maker", "a-wrong", "paperwork"),
        ("Maker", "c-paper", "paperwork"),
        ("Maker", "d-sound", "sound"),
    ]
    row = found.systems[0]
    assert row.corrected == ["kws01 throughput 25.000 inf./s, published 26.000"]
    assert "figure: 26.000" in row.worst


@pytest.mark.parametrize(
    ("wanted", "verdict", "rule", "names"),
    [
        ({"submitter": "oth"}, None, None, ["a-wrong"]),
        ({"system": "SHORT"}, None, None, ["b-short"]),
        ({"round": "v1.1", "mode": "performance"}, "sound", None, ["d-sound"]),
        ({"task": "kws", "submitter": "maker"}, "rule", None, ["b-short"]),
        ({}, None, "missing-results", ["c-paper"]),
    ],
)
def test_what_is_asked_for_is_left(
    found: Audit, wanted: dict[str, str], verdict: str | None, rule: str | None, names: list[str]
) -> None:
    """By a part of a name, by the verdict, by a rule; counts are of what is left."""
    part = rollup.select(found, wanted, verdict, rule)
    assert _names(part) == names
    assert part.valid == (names == ["d-sound"])
    assert part.reproduced + part.differing == sum(len(run.figures) for run in part.runs)


def test_nothing_of_a_name_says_what_there_is(found: Audit) -> None:
    """It is a wrong usage, not a sound tree."""
    with pytest.raises(UsageError, match=r"--submitter nobody: .* submitters here: Maker, Other"):
        rollup.select(found, {"submitter": "nobody"})


@pytest.mark.parametrize(("sort", "first"), [("name", "a-wrong"), ("broken", "b-short")])
def test_systems_come_in_the_order_asked_for(found: Audit, sort: str, first: str) -> None:
    """By name of the submitter and the system, or the most broken rules first."""
    rows = rollup.select(found, {}, sort=sort).systems
    assert rows[0].system == first
    if sort == "name":
        assert [row.submitter for row in rows] == sorted(row.submitter for row in rows)
    else:
        counts = [sum(row.broken.values()) for row in rows]
        assert counts == sorted(counts, reverse=True)


def test_the_words_of_the_command_line_are_those_of_the_audit() -> None:
    """They are written twice, so that --help need not load the audit."""
    assert submission.FILTERS == rollup.FILTERS
    assert tuple(rollup.SORTS) == submission.SORTS
    assert submission.VERDICTS == GRADES


def test_every_format_has_every_system(found: Audit) -> None:
    """CSV has one line each; Markdown a table."""
    lines = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert [line["system"] for line in lines] == _names(found)
    assert lines[0]["verdict"] == "figure"
    assert lines[0]["corrected"].startswith("kws01 throughput 25.000")
    text = as_markdown(found)
    assert all(f"| {name} |" in text for name in _names(found))


def test_names_of_systems_steer_neither_spreadsheet_nor_page(tmp_path: Path) -> None:
    """A formula, a table's border, a link and markup are text."""
    root = tmp_path / "tree"
    trees.performance(_system(root, "=cmd|' C calc'!A0", "[a](b)<img>") / "performance")
    found = audit(root)
    assert "'=cmd" in as_csv(found)
    text = as_markdown(found)
    assert "\\|" in text
    assert "<img>" not in text
    assert "[a](b)" not in text


def test_the_terminal_begins_with_the_summary(
    found: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then the systems; filters work on the command line; the status is that of what is shown."""
    tree, labels = str(tmp_path / "tree"), ["--labels", str(tmp_path / "labels")]
    assert main(["audit", tree, *labels, "--sort", "name"]) == 1
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0].startswith(f"{found.reproduced} figures reproduced, 1 differ")
    assert lines[1].startswith("5 systems: 1 with a wrong figure")
    assert lines[3].startswith("submitter")
    assert main(["audit", tree, *labels, "--verdict", "sound", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["system"] for row in document["systems"]] == ["d-sound"]
    assert main(["audit", tree, *labels, "--verdict", "bad"]) == 2
    assert "figure, rule, paperwork, sound" in capsys.readouterr().err
