"""Made-up trees: each broken rule is found, and bad input is survived."""

import json
import os
from pathlib import Path

import pytest

from tests.runner.audit import trees
from tinybench.errors import UsageError
from tinybench.runner.audit.audit import audit
from tinybench.runner.audit.result import Audit, Figure, Run
from tinybench.runner.cli import main
from tinybench.runner.report.page.audit_html import html


@pytest.fixture(autouse=True)
def _no_labels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty mirror: nothing is fetched, and classes come from names and files."""
    empty = tmp_path / "mirror"
    empty.mkdir()
    monkeypatch.setenv("TINYBENCH_MIRROR", str(empty))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty tree."""
    return tmp_path / "tree"


def _one(found: Audit, mode: str) -> Run:
    (run,) = (run for run in found.runs if run.mode == mode)
    return run


def _rules(run: Run) -> set[str]:
    return {violation.rule for violation in run.violations}


def _labels(folder: Path) -> Path:
    """Write a label file of the made-up inputs."""
    text = "".join(f"{name},12,{trees.label(name)}\n" for name in trees.KWS)
    return trees.write(folder, {"y_labels.csv": text})


def test_a_whole_task_is_reproduced_and_sound(root: Path, tmp_path: Path) -> None:
    """Accuracy against a given label file, throughput against the log."""
    folder = trees.task_folder(root)
    trees.accuracy(folder / "accuracy", wrong=2)
    trees.performance(folder / "performance")
    found = audit(root, labels=_labels(tmp_path / "labels"))
    assert found.valid, [run.violations for run in found.runs]
    assert found.reproduced == 2
    run = _one(found, "accuracy")
    assert (run.round, run.division, run.submitter, run.system) == (
        "1.1", "closed", "Maker", "Board",
    )  # fmt: skip
    assert run.figures[0].recomputed == "91.7"


def test_the_newer_runners_json_is_read(root: Path, tmp_path: Path) -> None:
    """Classes from the file itself, exact AUC, microseconds."""
    folder = trees.task_folder(root, round_="v1.3")
    trees.newer(folder / "accuracy", "a", 24, 1, 40_000)
    trees.newer(folder / "performance", "p", 5, 250, 10_862_042)
    found = audit(root, labels=_labels(tmp_path / "labels"))
    assert found.valid, [run.violations for run in found.runs]
    assert found.reproduced == 4


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"elapsed_us": 9_999_999}, "window-duration"),
        ({"names": trees.KWS[:4]}, "performance-windows"),
        ({"names": [*trees.KWS[:4], trees.KWS[0]]}, "performance-windows"),
        ({"names": trees.KWS[1:6]}, "first-inputs"),
        ({"median": "25.001"}, "figure"),
        ({"median": "25000.000"}, "unit"),
        ({"top": "0.899"}, "same-output"),
        ({"elapsed_us": 10_000, "median": "25000.000", "host_us": 10_000_000}, "unit"),
    ],
)
def test_each_broken_rule_of_a_performance_run_is_named(
    root: Path, tmp_path: Path, change: dict[str, object], rule: str
) -> None:
    """One thing wrong at a time."""
    folder = trees.task_folder(root)
    trees.accuracy(folder / "accuracy")
    trees.performance(folder / "performance", **change)  # pyright: ignore[reportArgumentType]
    found = audit(root, labels=_labels(tmp_path / "labels"))
    assert rule in _rules(_one(found, "performance"))
    assert not found.valid


@pytest.mark.parametrize(
    ("names", "rule"),
    [
        (trees.KWS[:-1], "missing-inputs"),
        ([*trees.KWS, "tst_000999_Other_3.bin"], "wrong-inputs"),
        ([*trees.KWS, trees.KWS[3]], "inputs-once"),
    ],
)
def test_each_wrong_set_is_named(root: Path, tmp_path: Path, names: list[str], rule: str) -> None:
    """Against the given label file."""
    folder = trees.task_folder(root)
    trees.accuracy(folder / "accuracy", names)
    trees.performance(folder / "performance")
    found = audit(root, labels=_labels(tmp_path / "labels"))
    assert _rules(_one(found, "accuracy")) == {rule}


def test_anomaly_scores_are_the_means_over_a_files_windows(root: Path) -> None:
    """Offsets in the load command; each file once, with all of its windows."""
    lines = []
    for name, scores in (
        ("normal_a.bin", "1 3"),
        ("normal_b.bin", "2 2"),
        ("anomaly_c.bin", "9 7"),
    ):
        for offset, value in zip((0, 512), scores.split(), strict=True):
            written = trees.infer(name, f"{value}.000000")
            written[0] = written[0].removesuffix('"') + f' {offset} 2560"'
            lines += written
    text = "1.0 ulp-mlperf: Top-1: 100.0%\n1.0 ulp-mlperf: AUC: 1.00\n"
    log = trees.eembc_log(lines, "ad01")
    trees.write(trees.task_folder(root, "ad") / "accuracy", {"log.txt": log, "results.txt": text})
    run = _one(audit(root), "accuracy")
    assert [(figure.name, figure.reproduced) for figure in run.figures] == [
        ("top-1", True),
        ("AUC", True),
    ]
    assert "missing-inputs" in _rules(run)
    assert "inputs-once" not in _rules(run)


def test_missing_files_and_modes_are_named(root: Path) -> None:
    """A results.txt alone proves nothing, a log alone claims nothing."""
    folder = trees.task_folder(root)
    (trees.accuracy(folder / "accuracy") / "log.txt").unlink()
    found = audit(root)
    run = _one(found, "accuracy")
    assert _rules(run) >= {"missing-log", "missing-mode"}
    assert run.figures[0].reproduced is None
    assert found.not_recomputable == 1
    (trees.performance(folder / "performance") / "results.txt").unlink()
    assert "missing-results" in _rules(_one(audit(root), "performance"))


def test_what_the_dut_prints_between_is_passed_over(root: Path) -> None:
    """Echoes, debug text before an answer, carriage returns, undecodable bytes."""
    folder = trees.performance(trees.task_folder(root) / "performance")
    log = (folder / "log.txt").read_text()
    log = log.replace("dut: m-infer-start", "dut: infer 250 1%m-infer-start")
    log = log.replace("dut: m-results", "dut: Type errorm-results").replace("\n", "\r\n")
    raw = log.encode().replace(b"m-warmup-done", b"\xff\x80 m-warmup-done", 1)
    (folder / "log.txt").write_bytes(raw)
    run = _one(audit(root), "performance")
    assert [figure.reproduced for figure in run.figures] == [True]
    assert "undecodable-bytes" in _rules(run)
    assert "2 undecodable bytes or characters" in [v.found for v in run.violations]


def test_a_log_in_utf_16_is_read(root: Path) -> None:
    """As a redirection on Windows writes it."""
    folder = trees.performance(trees.task_folder(root) / "performance")
    text = (folder / "log.txt").read_text()
    (folder / "log.txt").write_text(text, encoding="utf-16")
    run = _one(audit(root), "performance")
    assert run.inferences == 5
    assert "undecodable-bytes" not in _rules(run)


def test_names_of_other_rounds_are_known(root: Path) -> None:
    """performance_log.txt, long names of tasks in any case, a further folder of the model."""
    folder = trees.task_folder(root, "Keyword_Spotting") / "KWS-W3A3" / "Performance"
    trees.performance(folder)
    for name in ("log.txt", "results.txt"):
        (folder / name).rename(folder / f"performance_{name}")
    (folder / "performance_script.txt").write_text("[]")
    run = _one(audit(root), "performance")
    assert (run.task, run.system) == ("kws01", "Board#KWS-W3A3")
    assert run.figures[0].reproduced


def test_a_single_file_and_a_folder_without_its_mode_are_audited(root: Path) -> None:
    """What the run is, is seen in its log."""
    folder = trees.performance(root / "download")
    for path in (folder, folder / "log.txt"):
        run = audit(path).runs[0]
        assert (run.task, run.mode, run.figures[0].reproduced) == ("kws01", "performance", True)


def test_links_are_named_and_not_followed(root: Path, tmp_path: Path) -> None:
    """Neither a link to a file, nor one to a folder, nor a loop."""
    outside = trees.performance(tmp_path / "outside" / "performance")
    folder = trees.accuracy(trees.task_folder(root) / "accuracy")
    (folder.parent / "performance").symlink_to(outside)
    (folder / "loop").symlink_to(root)
    (folder / "log.txt").unlink()
    (folder / "log.txt").symlink_to(outside / "log.txt")
    found = audit(root)
    assert [run.mode for run in found.runs] == ["accuracy"]
    assert found.runs[0].inferences == 0
    (violation,) = found.violations
    assert violation.rule == "symbolic-links"
    assert "log.txt" in violation.found


def test_a_trace_is_not_read_through_a_link(root: Path, tmp_path: Path) -> None:
    """The importer of traces looks for files beside the trace by itself."""
    folder = trees.write(
        trees.task_folder(root) / "energy",
        {
            "trace1-energy.bin": b"\xf1" + bytes(8),
            "results.txt": "Median energy cost is 5.000 uJ/inf.\n",
        },
    )
    secret = trees.write(tmp_path / "other", {"stamps.json": "[1.0, 2.0]"}) / "stamps.json"
    (folder / "trace1-timestamps.json").symlink_to(secret)
    run = _one(audit(root), "energy")
    assert any("a link, which is not followed" in note for note in run.notes)
    assert "missing-trace" in _rules(run)


@pytest.mark.parametrize(
    "text",
    ["", "[", "null", "[1]", '{"infer": 5}', "[" * 100_000, '[{"file": 3}]', "\xff"],
)
def test_a_damaged_json_is_named(root: Path, text: str) -> None:
    """And what the log says is used instead."""
    folder = trees.performance(trees.task_folder(root, round_="v1.3") / "performance")
    (folder / "results.json").write_text(text, encoding="latin-1")
    run = _one(audit(root), "performance")
    assert "unreadable-file" in _rules(run)
    assert run.inferences == 5


def test_a_huge_line_needs_bounded_memory(root: Path) -> None:
    """A log of one line without an end, sparse on disk, is read in pieces."""
    import tracemalloc

    folder = trees.performance(trees.task_folder(root) / "performance")
    with (folder / "log.txt").open("ab") as file:
        file.truncate(60_000_000)
    tracemalloc.start()
    found = audit(root)
    peak_b = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert _one(found, "performance").inferences == 5
    assert [violation.rule for violation in found.violations] == ["file-size"]
    assert peak_b < 40_000_000


def test_hostile_names_and_texts_are_escaped_everywhere(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ANSI escapes, markup, HTML and bytes that are no UTF-8; in the table, JSON and HTML."""
    name = "\x1b[31m<script>alert(1)<"
    folder = root / "v1.1" / "closed" / name / "results" / "[red]b\x07" / "kws" / "performance"
    trees.performance(folder)
    log = (folder / "log.txt").read_text()
    evil = "00009.000 dut: e-[\x1b[2J<img src=x onerror=alert(1)>]\n"
    (folder / "log.txt").write_text(log + evil)
    trees.performance(Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe")) / "performance")
    energy = {"trace1-energy.bin": b"\xf1", "results.txt": "Median energy cost is 5.0 uJ/inf.\n"}
    trees.write(folder.parent / "energy", dict(energy))
    page = tmp_path / "audit.html"
    assert main(["audit", str(root), "--to", "html", "-o", str(page)]) == 1
    assert main(["audit", str(root)]) == 1
    assert main(["audit", str(root), "--json"]) == 1
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "[red]b" in shown
    text = page.read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text
    json.loads(shown[shown.index("\n{") :])


def test_a_path_without_results_is_a_wrong_usage(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, and what was looked for."""
    with pytest.raises(UsageError, match="there is no such folder"):
        audit(root)
    assert main(["audit", str(root), "--labels", str(root / "none")]) == 2
    assert "there is no such folder" in capsys.readouterr().err
    trees.write(root / "src", {"build.log": "make", "notes.txt": "nothing"})
    assert main(["audit", str(root)]) == 2
    assert "no MLPerf Tiny results here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("reproduced", "sound"), [([True, True], True), ([True, None], True), ([None, False], False)]
)
def test_a_figure_beyond_computing_fails_nothing_by_itself(
    reproduced: list[bool | None], sound: bool
) -> None:
    """Only one that differs does; what is not published is counted apart."""
    figures = [
        Figure(name="AUC", unit="", published="0.9", recomputed=None, reproduced=one, source="")
        for one in reproduced
    ]
    run = Run(
        path="a", round="1.2", division="closed", submitter="a", system="a", task="kws01",
        mode="accuracy", inferences=0, figures=figures, violations=[], notes=[],
    )  # fmt: skip
    assert run.sound == sound
    found = Audit(
        path="a", runs=[run], violations=[], notes=[], reproduced=0, differing=0,
        not_recomputable=reproduced.count(None), valid=run.sound,
    )  # fmt: skip
    kind = "broken" if not sound else "undecided" if None in reproduced else "valid"
    assert f'<p class="{kind}">' in html(found)
    said = "as far as it can be computed again"
    assert (said in html(found)) == (sound and None in reproduced)
