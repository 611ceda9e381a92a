"""The gate: which changes it allows, and what others may not make of its words."""

import dataclasses
import re
from pathlib import Path
from statistics import median

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.models.packaged import MODELS
from tests.runner.compare.test_store import stored
from tests.runner.results.a_result import good_result
from tinybench.errors import BuildError, UsageError
from tinybench.runner import cli
from tinybench.runner.cli.output import table_text
from tinybench.runner.compare.baseline import merge_baseline, write_baseline
from tinybench.runner.compare.change import Baseline, Measured, between, compare, measured
from tinybench.runner.compare.metrics import Metric
from tinybench.runner.gate.files import as_junit, headline, store, summary
from tinybench.runner.gate.gate import Gated, _word, held, usual
from tinybench.runner.gate.github import annotations, of_error, store_outputs
from tinybench.runner.gate.picture import changes
from tinybench.runner.pytest_plugin import Gates
from tinybench.runner.report.terminal.comparison import report, verdict
from tinybench.runner.rules.judge import judge

KWS01 = str(MODELS / "kws01.tflite")
FORGED = "a\n::error::forged%0A\r##[error]b,c:d"


def _gated(folder: Path, gates: list[str], **changed: object) -> Gated:
    """Return a gate on a stored run, against a baseline that it differs from."""
    base, head = stored(folder / "base", board="b"), stored(folder / "head", board="b", **changed)
    baseline = folder / "baseline.json"
    write_baseline([base], baseline)
    found = compare(baseline, head, gates)
    word = "failed" if found.failures else "passed"
    (folder / "gate").mkdir()
    return Gated(word, FORGED, judge(head), found, baseline, folder / "gate")


def test_the_usual_gates_are_those_of_figures_that_there_are(tmp_path: Path) -> None:
    """Emulated: instructions, not noisy time; nothing that the baseline has no figure of."""
    (one,) = measured(stored(tmp_path / "run")).values()
    assert usual(one)[:2] == ["instructions>1%", "accuracy<-0.5pt"]
    (without,) = measured(stored(tmp_path / "other", accuracy=None)).values()
    assert "accuracy<-0.5pt" not in usual(without)
    assert between(tmp_path, tmp_path, {("a", "b"): one}, {("a", "b"): one}, usual(one)).gates


def test_a_baseline_keeps_its_other_runs(tmp_path: Path) -> None:
    """Of several tasks each is gated by itself; what was measured takes the place of its own."""
    first, second = stored(tmp_path / "a", board="a"), stored(tmp_path / "b", board="b")
    again = stored(tmp_path / "c", board="a")
    baseline = tmp_path / "baseline.json"
    for run in (first, second, again):
        merge_baseline(run, baseline, baseline)
    runs = measured(baseline)
    assert {key[1]: one.run for key, one in runs.items()} == {"a": "c", "b": "b"}


def test_what_is_stored_says_the_verdict_first(tmp_path: Path) -> None:
    """In a line with the gates and the figures, in the summary and on the command line."""
    found = _gated(tmp_path, ["instructions>0", "accuracy<0pt"])
    assert re.match(r"gate passed; gates passed: 2 of 2; 0 of \d+ figures changed", headline(found))
    store(found)
    text = (found.folder / "summary.md").read_text()
    assert text.startswith("## tinybench: gate passed;")
    assert "<details><summary>" in text
    assert (found.folder / "changes.svg").read_text().startswith("<svg ")


def _timed(run: Path, samples: list[float]) -> dict[tuple[str, str], Measured]:
    """Return a run whose windows gave such latencies."""
    ((key, one),) = measured(run).items()
    latency = Metric(value=median(samples), exact=False, samples=samples)
    return {key: replace(one, metrics={"latency": latency})}


def test_a_gate_says_that_windows_are_too_noisy_to_judge_by(tmp_path: Path) -> None:
    """Neither passed nor failed, of each change that is smaller than how far windows differ.

    The build goes on, unless it is strict; JUnit and GitHub tell it apart from a pass.
    """
    calm, wild = [1.0, 1.001, 1.002, 1.001, 1.0], [1.0, 1.05, 1.08, 1.02, 1.0]
    run, gates = stored(tmp_path / "run", board="b"), ["latency>5%", "latency>10%"]
    found = between(run, run, _timed(run, calm), _timed(run, calm), gates)
    assert (found.failures, found.doubts) == ([], [])
    found = between(run, run, _timed(run, calm), _timed(run, wild), gates)
    (doubt,) = found.doubts
    assert (found.failures, doubt.gate) == ([], "latency>5%")
    assert "differ by 7.84%, so that a change of 5.00% cannot be seen" in doubt.found
    assert "gates passed: 1 of 2, 1 undecided, in windows too noisy to judge by; " in verdict(found)
    assert f"gate latency>5%: kws on b: {doubt.found}" in table_text(report(found))
    outcome = judge(run)
    word = _word(found, outcome, update=False)
    kinds = (("warning", "skipped"), ("error", "failure"))
    for strict, status, (kind, junit) in ((False, 0, kinds[0]), (True, 1, kinds[1])):
        gated = Gated(word, "", outcome, found, tmp_path / "baseline.json", tmp_path, strict)
        assert headline(gated).startswith("gate UNDECIDED; gates passed: 1 of 2, 1 undecided")
        assert gated.status == status
        (line,) = annotations(gated, tmp_path)
        assert line.startswith(f"::{kind} title=gate latency>5%25::kws on b: the windows")
        xml = as_junit(gated)
        assert f'tests="2" failures="{status}" errors="0" skipped="{1 - status}"' in xml
        assert re.search(rf'name="latency&gt;5%" time="0">\s*<{junit} ', xml)
        assert re.search(r'name="latency&gt;10%" time="0" />', xml)
        assert bool(Gates(found, strict)) is not strict
        assert f"latency>5%: {doubt.found}" in repr(Gates(found, strict))
        updated = dataclasses.replace(gated, word="updated")
        assert [line for line in annotations(updated, tmp_path) if "::error" in line] == []
    words = ["compare"]
    for name, samples in (("calm", calm), ("wild", wild)):
        of_file = Baseline(tinybench="0", runs=list(_timed(run, samples).values()))
        (tmp_path / name).write_bytes(msgspec.json.encode(of_file))
        words.append(str(tmp_path / name))
    assert cli.main([*words, "--fail-on", "latency>5%"]) == 0
    assert cli.main([*words, "--fail-on", "latency>5%", "--strict"]) == 1
    assert cli.main([*words, "--fail-on", "latency>10%", "--strict"]) == 0


def _stored_model(folder: Path, seed_of: str = "seed1-0000.bin", sha256: str = "0" * 64) -> Path:
    result = good_result()
    used = replace(result.inputs, first=[seed_of], sha256=sha256)
    return stored(folder, task="mine", board="b", profile="model", accuracy=None, inputs=used)


def test_a_baseline_of_another_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its name before anything is measured; by what the same seed gave, where names agree."""
    run, same = _stored_model(tmp_path / "run"), _stored_model(tmp_path / "same")
    baseline = tmp_path / "baseline.json"
    write_baseline([run], baseline)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["gate", "--model", KWS01, "--baseline", str(baseline)]) == 2
    assert f"{baseline} is of mine, and {KWS01} is another" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
    before = measured(baseline)
    assert held(measured(same), before, [], baseline, same) is not None
    other = _stored_model(tmp_path / "other", sha256="1" * 64)
    with pytest.raises(UsageError, match="as a model that takes other inputs"):
        held(measured(other), before, [], baseline, other)
    own = _stored_model(tmp_path / "own", seed_of="a.bin", sha256="1" * 64)
    assert held(measured(own), before, [], baseline, own) is not None


def test_a_picture_too_large_for_the_summary_is_left_out(tmp_path: Path) -> None:
    """GitHub refuses a summary as a whole; the picture is a file beside it anyway."""
    found = _gated(tmp_path, [])
    assert "data:image" in summary(found, "<svg/>")
    assert "data:image" not in summary(found, "x" * 1_000_000)
    assert found.comparison is not None
    assert "<script" not in changes(found.comparison)


@given(st.text())
def test_no_word_of_others_ends_an_annotation_or_begins_one(words: str) -> None:
    """A model, a compiler or a board may say anything: it stays one line of ours."""
    for text in (words, FORGED + words):
        lines = of_error(BuildError(text), Path("/nowhere"))
        assert all(re.fullmatch(r"::error title=tinybench::[^\r\n]*", line) for line in lines)


def test_outputs_are_not_forged_by_what_they_hold(tmp_path: Path) -> None:
    """Their end is a word that nobody can know, and the summary escapes names."""
    found = _gated(tmp_path, [])
    store(found)
    environment = {
        "GITHUB_OUTPUT": str(tmp_path / "out"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "s"),
    }
    store_outputs(environment, "passed", found)
    lines = (tmp_path / "out").read_text().splitlines()
    assert lines[1] == "passed"
    assert re.fullmatch(r"verdict<<[0-9a-f]{32}", lines[0])
    assert lines[0].endswith(lines[2])
    assert "\n::error::" not in (tmp_path / "s").read_text()
    assert annotations(found, tmp_path) == []
    with pytest.raises(UsageError, match="GITHUB_OUTPUT names"):
        store_outputs({"GITHUB_OUTPUT": str(tmp_path / "no" / "out")}, "passed", found)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gate"], "say of what: --task kws, or --model FILE"),
        (["gate", "--task", "all"], "one task at a time"),
        (["gate", "--task", "kws", "--labels", "x.csv"], "--labels is not for a gate of a task"),
        (["gate", "--task", "kws", "--prepare", "unit"], "--prepare is not for a gate of a task"),
        (["gate", "--model", KWS01, "--prepare", "unit"], "--prepare is of --inputs"),
        (["gate", "--model", "m", "--profile", "quick"], "--profile is not for a gate of a model"),
        (["gate", "--task", "kws", "--fail-on", "speed>1"], "no metric 'speed'"),
        (["gate", "--task", "kws", "--baseline", "."], "a folder; a baseline is a file"),
        (["gate", "--task", "kws", "--out", "."], "not an empty folder"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_measured(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one line, with status 2, and nothing is written."""
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_comparison_folds_what_did_not_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdict is its first line, equal figures are one line; with --unchanged they are rows."""
    base, head = str(stored(tmp_path / "a")), str(stored(tmp_path / "b"))
    assert cli.main(["compare", base, head, "--fail-on", "flash>0B"]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"gates passed: 1 of 1; 0 of \d+ figures changed", first)
    assert len(rest) == 1
    assert rest[0].startswith("unchanged, ")
    assert cli.main(["compare", base, head, "--unchanged"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 5
