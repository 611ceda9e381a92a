"""Commands for runs, given a tree of published results: read it, or say which command does."""

import json
import shlex
from pathlib import Path

import pytest

from tests.runner.audit import trees
from tests.runner.compare.test_change import measured
from tinybench.runner.audit.tree import looks_published
from tinybench.runner.cli import main
from tinybench.runner.results.result import write_result


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One system with 40 ms an inference; nothing is fetched."""
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("TINYBENCH_MIRROR", str(tmp_path / "mirror"))
    folder = trees.task_folder(tmp_path / "tree")
    trees.accuracy(folder / "accuracy", wrong=2)
    trees.performance(folder / "performance")
    return tmp_path / "tree"


def _stored(folder: Path) -> Path:
    """Write a run of 50 ms an inference."""
    folder.mkdir(parents=True)
    write_result(folder, measured([50.0] * 5))
    return folder


@pytest.mark.parametrize(
    "words",
    [
        "check {tree}",
        "results {tree}",
        "baseline write {tree} -o {tree}/b.json",
        "submit {tree} --submitter me --system s.toml -o {tree}/out",
        "compare {tree} --published-log {tree}/log.txt",
    ],
)
def test_a_command_for_runs_points_to_the_audit(
    tree: Path, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what can be typed."""
    assert main(shlex.split(words.format(tree=tree))) == 2
    assert f"tinybench audit {tree}" in capsys.readouterr().err


def test_a_report_on_a_published_tree_is_its_audit(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the formats of an audit, with its status; of one tree alone."""
    page = tmp_path / "report.html"
    assert main(["report", str(tree), "--to", "html", "-o", str(page)]) == 1
    assert "Audit of" in page.read_text(encoding="utf-8")
    assert main(["report", str(tree), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["systems"][0]["grade"] == "rule"
    assert main(["report", str(tree), "--to", "junit"]) == 2
    assert "terminal, html, markdown, csv, json" in capsys.readouterr().err
    assert main(["report", str(tree), str(tree)]) == 2
    assert "one tree at a time" in capsys.readouterr().err


def test_a_run_is_compared_with_a_published_system(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The only one of the task stands for the board; a gate works; nothing says what is noise."""
    run = _stored(tmp_path / "runs" / "a")
    assert main(["compare", str(tree), str(run), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    latency = next(one for one in found["differences"] if one["metric"] == "latency")
    assert (latency["old"], latency["new"]) == (pytest.approx(0.04), pytest.approx(0.05))
    assert latency["real"] is None
    assert found["notes"] == ["Board, kws: against mine"]
    assert main(["compare", str(tree), str(run), "--fail-on", "latency>2%"]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_two_published_trees_are_compared_by_system(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As they are printed; what is in one of them only is said."""
    other = tmp_path / "other"
    folder = trees.task_folder(other, round_="v1.2")
    trees.performance(folder / "performance", elapsed_us=20_000_000, median="12.500")
    trees.performance(folder.parents[1] / "New" / "kws" / "performance", median="25.000")
    assert main(["compare", str(tree), str(other), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {one["board"] for one in found["differences"]} == {"Board"}
    latency = next(one for one in found["differences"] if one["metric"] == "latency")
    assert latency["relative"] == pytest.approx(1.0)
    assert found["notes"] == [f"New, kws: only in {other}"]


def test_a_figure_that_its_own_files_contradict_is_said_where_it_is_compared(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is printed with 50 inferences a second; the log has 25."""
    forged = tmp_path / "forged"
    trees.performance(trees.task_folder(forged) / "performance", median="50.000")
    assert main(["compare", str(tree), str(forged), "--json"]) == 0
    (note,) = json.loads(capsys.readouterr().out)["notes"]
    assert note.startswith(
        f"Board of {forged}: a figure is wrong: kws01 throughput 25.000 inf./s, "
    )
    assert note.endswith(f"published 50.000; see: tinybench audit {forged}")


def test_what_is_no_published_tree_is_none(tree: Path, tmp_path: Path) -> None:
    """Runs, an empty folder, sources with a log of their own, a tree in a bottomless folder."""
    assert looks_published(tree)
    assert looks_published(tree / "v1.1" / "closed" / "Maker" / "results")
    _stored(tmp_path / "runs" / "a")
    assert not looks_published(tmp_path / "runs")
    trees.write(tmp_path / "src", {"build.log": "make"})
    assert not looks_published(tmp_path / "src")
    deep = tmp_path / "deep"
    trees.performance(deep.joinpath(*"abcdefghijklmnopqrstuvwxyz") / "performance")
    assert not looks_published(deep)
    assert not looks_published(tree, most=1)
    _stored(tree.parent / "zz")
    assert not looks_published(tree.parent)
